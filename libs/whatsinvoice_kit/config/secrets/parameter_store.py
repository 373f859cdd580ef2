"""AWS Systems Manager Parameter Store: one parameter a field, SecureString decrypted by the store.

The account is boto3's to find (variables, profile, role of the task or the machine). It needs ssm:GetParametersByPath
on the path, and kms:Decrypt on the key.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from whatsinvoice_kit.config.secrets.unavailable import SecretsUnavailableError, fault_of_address

TIMEOUT_S = 5.0
ATTEMPTS = 3
"""The store refuses bursts, and a deployment starts every process at once."""


def read(environment: Mapping[str, str], folders: Sequence[str]) -> dict[str, str]:
    """The parameters directly in each folder, by the last part of their names; a later folder goes first.

    SECRETS_REGION, or AWS's own variables; SECRETS_ENDPOINT for another address than the region's. Raises
    SecretsUnavailableError.
    """
    endpoint = environment.get("SECRETS_ENDPOINT", "")
    if endpoint and (fault := fault_of_address("SECRETS_ENDPOINT", endpoint)):
        raise SecretsUnavailableError(f"aws-ssm: {fault}")
    region = next(
        filter(None, map(environment.get, ("SECRETS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"))),
        None,
    )
    timing = Config(
        connect_timeout=TIMEOUT_S,
        read_timeout=TIMEOUT_S,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )
    found: dict[str, str] = {}
    try:
        session = boto3.Session(region_name=region)  # its own: the default one keeps the account it first found
        client = session.client("ssm", endpoint_url=endpoint or None, config=timing)
        with closing(client):
            pages = client.get_paginator("get_parameters_by_path")
            for folder in folders:
                for page in pages.paginate(Path=f"/{folder}", WithDecryption=True):
                    found |= {each["Name"].rpartition("/")[2]: each["Value"] for each in page["Parameters"]}
    except ClientError as error:
        raise SecretsUnavailableError(f"aws-ssm: refuses ({error.response['Error']['Code']})") from error
    except (BotoCoreError, ValueError) as error:
        raise SecretsUnavailableError(f"aws-ssm: cannot be read ({type(error).__name__})") from error
    return found
