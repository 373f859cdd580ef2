"""Secrets from a store outside of the machine: AWS Parameter Store, Vault; and what makes a secret a weak one."""
