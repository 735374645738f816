"""The OpenAPI document: valid, complete, with examples that work; and docs/api.md beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31

from services.api.endpoints import Endpoint, Tag
from services.api.idempotency import WRITES
from services.api.openapi.components import example_of
from services.api.openapi.document import document
from services.api.openapi.examples import EXAMPLES
from services.api.problems import STATUS
from services.api.routes import all_endpoints
from shared.errors import ErrorCode
from tests.unit.api.world import Api

DOCUMENT = document(all_endpoints(), "1.2.3")
LISTED = [endpoint for endpoint in all_endpoints() if endpoint.listed]
API_MD = Path(__file__).parents[3] / "docs" / "api.md"


def operation(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """With the components beside it, so that its references lead somewhere."""
    return {**schema, "components": DOCUMENT["components"]}


def test_the_document_is_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    errors = [error.message for error in Draft202012Validator(OPENAPI_31).iter_errors(DOCUMENT)]
    assert errors == []


def test_every_schema_in_it_is_a_json_schema() -> None:
    schemas = list(DOCUMENT["components"]["schemas"].values())
    for path in DOCUMENT["paths"].values():
        for said in path.values():
            schemas += [parameter["schema"] for parameter in said["parameters"] if "schema" in parameter]
    assert len(schemas) > 30
    for schema in schemas:
        Draft202012Validator.check_schema(schema)


def test_what_is_documented_is_what_there_is() -> None:
    documented = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert documented == {endpoint.key for endpoint in LISTED}


@pytest.mark.parametrize("endpoint", LISTED, ids=lambda endpoint: endpoint.name)
def test_an_operation_says_all_that_is_known_of_its_endpoint(endpoint: Endpoint) -> None:
    said = operation(endpoint)
    assert said["operationId"] == endpoint.name
    assert said["summary"]
    assert len(said["description"]) > 30, "an endpoint needs a sentence or two"
    assert ("requestBody" in said) == ("body" in endpoint.takes)
    headers = {parameter["$ref"].rpartition("/")[2] for parameter in said["parameters"] if "$ref" in parameter}
    assert ("Scout-Link" in headers) == ("link" in endpoint.takes)
    assert ("If-Match" in headers) == ("condition" in endpoint.takes)
    assert ("Idempotency-Key" in headers) == (endpoint.method in WRITES)
    assert {int(status) for status in said["responses"] if int(status) >= 400} == {
        STATUS[code] for code in endpoint.codes
    }
    assert all("X-Request-Id" in response["headers"] for response in said["responses"].values())
    for name in re.findall(r"\{(\w+)\}", endpoint.path):
        assert [parameter["in"] for parameter in said["parameters"] if parameter.get("name") == name] == ["path"]


def test_every_field_has_its_words() -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field, said in schema.get("properties", {}).items()
        if not said.get("description")
    ]
    assert silent == [], "write what each means in the string below the field"


@pytest.mark.parametrize("cls", EXAMPLES, ids=lambda cls: cls.__name__)
def test_an_example_is_of_the_form_that_is_documented(cls: type[Any]) -> None:
    schema = DOCUMENT["components"]["schemas"].get(cls.__name__)
    if schema is not None:
        Draft202012Validator(resolved(schema)).validate(example_of(cls))


def test_every_body_and_answer_has_an_example() -> None:
    needed = {part for endpoint in LISTED for part in (endpoint.takes.get("body"), endpoint.answer) if part}
    assert needed - set(EXAMPLES) == set()


async def test_every_example_of_a_body_is_accepted(api: Api) -> None:
    link, reached = await api.link(format_name="scout2"), 0
    for endpoint in LISTED:
        # no DHT node stands behind this API, a handle is no example for anybody else, and times pass
        elsewhere = endpoint.tag in {Tag.DHT, Tag.PEERS} or endpoint.path in {"/v1/handles/rewrap", "/v1/ahead"}
        if "body" in endpoint.takes and not elsewhere:
            path = endpoint.path
            for name, value in example_of(endpoint.takes["path"]).items() if "path" in endpoint.takes else ():
                path = path.replace(f"{{{name}}}", str(value))
            answer = await api.call(endpoint.method, path, example_of(endpoint.takes["body"]), link=link)
            assert answer.status == 200, (endpoint.name, answer.text)
            reached += 1
    assert reached >= 6


async def test_the_document_is_served_and_known_again(api: Api) -> None:
    served = await api.call("GET", "/openapi.json")
    assert served.body["paths"].keys() == DOCUMENT["paths"].keys()
    assert served.headers["Content-Type"] == "application/json"
    again = await api.call("GET", "/openapi.json", headers={"If-None-Match": served.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


def test_where_callers_need_keys_the_document_says_which_scope() -> None:
    secured = document(all_endpoints(), "1", secured=True)
    assert secured["paths"]["/v1/record"]["get"]["security"] == [{"apiKey": ["read"]}]
    assert secured["paths"]["/openapi.json"]["get"]["security"] == []
    assert DOCUMENT["paths"]["/v1/record"]["get"]["security"] == []


def test_api_md_names_every_code_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| ([^|]+) \|", API_MD.read_text(), re.MULTILINE)
    named = {(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    # that nothing is kept is said in answers, and refuses none
    assert named == {(status, code.value) for code, status in STATUS.items() if code is not ErrorCode.KEEP_FULL}


def test_api_md_names_every_endpoint_and_no_other() -> None:
    named: set[tuple[str, str]] = set()
    for row in re.findall(r"^\| (.*`(?:GET|POST|PUT|DELETE)\b.*?) \|", API_MD.read_text(), re.MULTILINE):
        methods: list[str] = []
        for quoted in re.findall(r"`([^`]+)`", row):
            words = quoted.replace(",", " ").split()
            methods += [word for word in words if word.isupper()]
            if path := next((word for word in words if word.startswith("/")), None):
                named |= {(method, path) for method in methods}
                methods = []
    assert named == {endpoint.key for endpoint in LISTED}
