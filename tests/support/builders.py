"""Good requests, to be changed where a test says so."""

from whatsinvoice.auth.v1 import auth_pb2 as pb


def a_registration(phone: str, **changes: str) -> pb.RegisterRequest:
    """A good one."""
    values = {"phone": phone, "name": "Ada Obi", "password": "Passw0rdly", "business_name": "Ada Designs"}
    return pb.RegisterRequest(**(values | changes))
