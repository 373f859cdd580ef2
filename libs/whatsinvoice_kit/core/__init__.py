"""All of the kit that a domain may import; standard library only."""
