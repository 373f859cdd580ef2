"""Fixtures for the configuration under deploy/."""

from support.deploy_fixtures import compose, dockerfile, kubectl, make_secrets, overlay, render, services

__all__ = ["compose", "dockerfile", "kubectl", "make_secrets", "overlay", "render", "services"]
