"""What tests of every part share: real backing services, running services, builders."""
