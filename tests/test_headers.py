"""The headers that every answer carries."""

import asyncio

from starlette.types import Message

from app.headers import adding, keeping_to_ourselves, security_headers


def test_the_page_may_load_nothing_from_elsewhere() -> None:
    policy = security_headers()[b"content-security-policy"].decode()
    sources = {word for part in policy.split("; ") for word in part.split()[1:]}
    assert sources == {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}


def test_only_those_named_may_show_the_page_in_a_frame() -> None:
    assert security_headers()[b"content-security-policy"].endswith(b"frame-ancestors 'self'")
    assert security_headers(["https://a.example", "https://b.example"])[b"content-security-policy"].endswith(b"'self' https://a.example https://b.example")


def test_the_camera_is_for_this_page_alone() -> None:
    assert b"camera=(self), microphone=()" in security_headers()[b"permissions-policy"]


def test_a_route_may_set_a_header_of_its_own() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    own = (b"Content-Security-Policy", b"frame-ancestors https://shop.example")

    async def answer() -> None:
        await adding({b"content-security-policy": b"ours", b"x-a": b"1"}, send)({"type": "http.response.start", "status": 200, "headers": [own]})

    asyncio.run(answer())
    assert sent[0]["headers"] == [own, (b"x-a", b"1")]


def test_what_lets_other_origins_read_is_dropped() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"Access-Control-Allow-Origin", b"https://evil.example"), (b"access-control-allow-credentials", b"true"), (b"x-a", b"1")]
    body: Message = {"type": "http.response.body", "body": b"words"}

    async def answer() -> None:
        for message in ({"type": "http.response.start", "status": 200, "headers": headers}, body):
            await keeping_to_ourselves(send)(message)

    asyncio.run(answer())
    assert [sent[0]["headers"], sent[1]] == [[(b"x-a", b"1")], body]
