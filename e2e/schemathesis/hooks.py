"""What schemathesis cannot make up: ids of verifications and of mails, which only the server can make, and addresses that it
refused to mail; and names, whose pattern speaks of letters and marks that Python's Unicode does not know yet.
"""

import json
import os
import time
import urllib.request

import schemathesis
from hypothesis import strategies


def register(email):
    """Registers somebody and returns the verification's id."""
    body = json.dumps({"email": email, "first_name": "Ada"}).encode()
    request = urllib.request.Request(os.environ["PUBLIC"] + "/api/register", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["verification_id"]


def mails(count):
    """Waits until so many mails are done, and returns their ids."""
    request = urllib.request.Request(os.environ["INTERNAL"] + "/mails", headers={"Authorization": os.environ["AUTHORIZATION"]})
    for _ in range(600):
        with urllib.request.urlopen(request, timeout=10) as answer:
            done = [mail["id"] for mail in json.load(answer)["mails"] if mail["state"] in ("sent", "failed")]
        if len(done) >= count:
            return done
        time.sleep(0.1)
    raise TimeoutError("the mails are not done")


ids = [register(f"person-{number}@example.com") for number in range(10)]
schemathesis.openapi.format("verification-id", strategies.sampled_from(ids))

refused = [register(f"refused-{number}@example.com") for number in range(5)]  # the mail server of the tests refuses them once
schemathesis.openapi.format("uuid", strategies.sampled_from(mails(len(ids) + len(refused))))

INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
letters = strategies.characters(categories=["L", "M"], include_characters=" '’-", exclude_characters=INVISIBLE)
names = strategies.text(letters, min_size=1, max_size=20).filter(lambda name: any(c.isalpha() for c in name))
schemathesis.openapi.format("person-name", names)

TRUE_OR_NOT = {"verification_id_invalid", "code_invalid", "code_expired", "too_many_attempts"}


@schemathesis.check
def never_refused_for_its_form(context, response, case):
    """What has the form that the description asks for is refused, if at all, for what it says."""
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive and response.status_code in (400, 410, 422):
        assert response.json()["code"] in TRUE_OR_NOT, response.json()["code"]
