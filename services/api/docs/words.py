"""What the page says beyond the document: how to begin, and what holds everywhere."""

from __future__ import annotations

_FIRST_STEPS = """\
api=http://127.0.0.1:8080
{key}secret=$(openssl rand -hex 32)   # for all your devices, and for nobody else
link=$({curl} $api/v1/links \\
     -H 'Content-Type: application/json' -d "{{\\"secret\\": \\"$secret\\"}}" | jq -r .link)
{curl} -X PUT $api/v1/devices/1 -H "Scout-Link: $link" \\
     -H 'Content-Type: application/json' -d '{{"addresses": ["auto:443"], "name": "phone"}}'
{curl} $api/v1/devices -H "Scout-Link: $link\""""

CONVENTIONS = {
    "Bytes": "Contents are base64url without padding, keys and hashes lower-case hex. Each value has one spelling.",
    "Strictness": "Unknown fields, unknown query parameters and repeated ones are refused.",
    "Conditions": "An answer that shows a record carries its state as `ETag`. With `If-None-Match` you get `304` when "
    "nothing changed; with `If-Match` a write happens only on that very state, and else is `412`.",
    "Once only": "With an `Idempotency-Key` a write that is made again gets the first one's answer, and nothing "
    "happens again.",
    "Tracing": "`X-Request-Id` comes back as sent, or is a new one; the logs of all services have it.",
    "Keeping": "Nodes of the DHT forget after two hours. The cluster puts what you wrote again by itself, for as long "
    "as `keep` says; answers say until when.",
}
"""Name -> rule."""

HANDLES = """\
A key or a link is kept by you, as a handle: the secret, wrapped with the cluster's master key and bound to your tenant.
The cluster stores none of it: there is nothing to lose there, and nothing to steal. Treat a handle like the secret.

The handle of a link travels in the header `Scout-Link`, never in a URL. One that was altered, that is a key's, or that
belongs to another tenant, is `403 bad_handle`."""

KEYS = """\
Where a service has API keys, each call brings one: `Authorization: Bearer …`. A key belongs to a tenant, opens some
scopes, and may have a budget of DHT packets. A service without keys answers on its own machine only, and wants none."""

ERRORS = """\
`application/problem+json` (RFC 9457): `detail` says what was expected and what came, `code` is for programs and is
never renamed, `request_id` is what the logs have. `429` and `503` come with `Retry-After`."""


def first_steps(*, secured: bool) -> str:
    """The first calls; with a key where callers need one."""
    if secured:
        return _FIRST_STEPS.format(curl='curl -s -H "Authorization: Bearer $key"', key="key=scout_…\n")
    return _FIRST_STEPS.format(curl="curl -s", key="")
