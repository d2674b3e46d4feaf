"""Who gets in: keys over HTTP, and that nothing but `/healthz` answers without one."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import SQLModel, create_engine

from api.app import create_app
from api.auth import Authenticated
from api.callers import LoadedCaller, ModelInfo
from core.keys import KeyStore
from core.types.principal import Principal

ANNA = Principal(tenant="acme", person="anna", role="clerk")


class NoCallers:
    """A service without any toolset."""

    def caller(self, toolset: str, release: str | None) -> LoadedCaller:
        raise AssertionError("nobody who is refused may get this far")

    def models(self) -> list[ModelInfo]:
        return []


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    engine = create_engine(f"sqlite:///{tmp_path / 'keys.db'}")
    SQLModel.metadata.create_all(engine)
    return KeyStore(engine)


@pytest.fixture
def client(keys: KeyStore) -> TestClient:
    app = create_app(keys, NoCallers(), tenant="acme")

    @app.get("/who")
    def who(principal: Authenticated) -> str:
        return principal.person

    return TestClient(app)


def test_health_needs_no_key(client: TestClient) -> None:
    response = client.get("/healthz")
    assert response.status_code == 200 and response.json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("GET", "/v1/models/erp"), ("POST", "/v1/chat/completions"), ("GET", "/who")]
)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic bnM6eA==", "Bearer ns_abcdefgh_wrong", "ns_abcdefgh"])
def test_no_key_or_a_wrong_one_is_401_in_openai_form(client: TestClient, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = client.request(method, path, headers=headers, content=b"not even JSON")
    assert response.status_code == 401
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == "invalid_api_key" and error["type"] == "invalid_request_error"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["x-request-id"]


def test_a_key_gets_in_until_it_is_revoked(client: TestClient, keys: KeyStore) -> None:
    secret = keys.create(ANNA)
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/v1/models", headers=headers).json() == {"object": "list", "data": []}
    keys.revoke(secret[3:11])
    assert client.get("/v1/models", headers=headers).status_code == 401


def test_another_tenants_key_finds_nothing(client: TestClient, keys: KeyStore) -> None:
    headers = {"Authorization": f"Bearer {keys.create(Principal(tenant='elsewhere'))}"}
    body = {"model": "erp", "messages": [{"role": "user", "content": "hi"}]}
    answers = [
        client.get("/who", headers=headers),
        client.get("/v1/models", headers=headers),
        client.get("/v1/models/erp", headers=headers),
        client.post("/v1/chat/completions", json=body, headers=headers),
    ]
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(404, "not_found")] * 4


def test_the_route_learns_the_principal(client: TestClient, keys: KeyStore) -> None:
    assert client.get("/who", headers={"Authorization": f"Bearer {keys.create(ANNA)}"}).json() == "anna"


def test_a_refused_key_is_not_repeated_in_the_answer(client: TestClient, keys: KeyStore) -> None:
    secret = keys.create(ANNA)[:-1] + "z"
    response = client.get("/v1/models", headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 401 and secret[12:] not in response.text


def test_two_apps_do_not_know_each_others_keys(client: TestClient, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    SQLModel.metadata.create_all(engine)
    stranger = KeyStore(engine).create(ANNA)
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {stranger}"}).status_code == 401
