"""Signs up and in with the generated Python client, founds a crew and finds it again.

    sign_in.py <url of the server> <directory of its messages>
"""

import json
import re
import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

from krugo import AuthenticatedClient, Client
from krugo.api.crews import create_crew, crews
from krugo.api.users import login, signup, signupconfirm
from krugo.models import (
    CreateCrewRequest,
    CreateCrewResponse,
    Failure,
    LoginRequest,
    SignedIn,
    SignupconfirmRequest,
    SignupconfirmResponse,
    SignupRequest,
    SignupResponse,
    UserAttribute,
)

PASSWORD = "correct horse battery"


def code(outbox: Path, to: str) -> str:
    """The code that was sent to a number."""
    for _ in range(500):
        messages = [json.loads(file.read_text()) for file in outbox.glob("*.json")]
        for message in messages:
            found = re.search(r"\b\d{6}\b", message["text"])
            if message["to"] == to and found:
                return found.group()
        time.sleep(0.02)
    raise SystemExit(f"no message to {to}")


def main(url: str, outbox: Path) -> None:
    client = Client(base_url=f"{url}/dev", raise_on_unexpected_status=True)
    name, phone = f"py-{uuid4().hex[:10]}", f"+1991{uuid4().int % 10**9:09}"

    phone_number = UserAttribute(name="phone_number", value=phone)
    form = SignupRequest(username=name, password=PASSWORD, attributes=[phone_number])
    assert isinstance(signup.sync(client=client, body=form), SignupResponse)
    proof = SignupconfirmRequest(username=name, password=PASSWORD, confirmation_code=code(outbox, phone))
    assert isinstance(signupconfirm.sync(client=client, body=proof), SignupconfirmResponse)
    signed_in = login.sync(client=client, body=LoginRequest(username=name, password=PASSWORD))
    assert isinstance(signed_in, SignedIn), signed_in
    me: UUID = signed_in.id

    own = AuthenticatedClient(
        base_url=f"{url}/dev", token=signed_in.cognito_session.access_token, raise_on_unexpected_status=True
    )
    crew, key = CreateCrewRequest(name="The Wanderers", admin_ids=[me]), str(uuid4())
    first = create_crew.sync_detailed(client=own, body=crew, idempotency_key=key)
    again = create_crew.sync_detailed(client=own, body=crew, idempotency_key=key)
    assert isinstance(first.parsed, CreateCrewResponse) and first.parsed == again.parsed
    position = int(first.headers["Caravan-Position"])

    found = crews.sync(client=own, user_id=me, caravan_after=position)
    assert isinstance(found, list), found
    assert [(crew.id, crew.name) for crew in found] == [(first.parsed.id, "The Wanderers")]
    assert found[0].members[0].user_id == me

    refused = crews.sync(client=own, user_id=uuid4())
    assert isinstance(refused, Failure) and refused.status_code == 403, refused
    print(f"{name} is in {found[0].name}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
