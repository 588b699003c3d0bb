"""The HTTP shell: takes a request apart, hands it to whom it concerns, answers errors.

Refuses to know what a conversation is and how a call of a dialect is answered.
"""

import json
import logging
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from stitcher import __version__
from stitcher.errors import StitcherError
from stitcher.ports import ClientGone
from stitcher.proxy import relay, routes
from stitcher.proxy.access import Gate
from stitcher.proxy.dialect_calls import Conversations, DialectCalls, Request, report
from stitcher.proxy.errors import (
    MethodNotAllowed,
    NotFound,
    UpgradeRefused,
    WrongTenant,
    error_body,
    message_of,
    status_of,
)
from stitcher.proxy.reply import ClientReply, keep_exact, response_of
from stitcher.proxy.routes import Kind, Route
from stitcher.proxy.state_calls import StateCalls
from stitcher.proxy.upstream import HttpUpstream
from stitcher.proxy.websocket import Sockets
from stitcher.responses_api.api import ResponsesApi
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey
from stitcher.tenants import OneTenant, TenantPerCredential, Tenants, load_tenant_key

log: Final = logging.getLogger("stitcher.proxy")


class Shell:
    """Serves one proxy."""

    def __init__(
        self,
        settings: Settings,
        exchange: Conversations,
        upstream: HttpUpstream,
        tenants: Tenants,
        state: ResponsesApi | None,
    ) -> None:
        self._exchange = exchange
        self._upstream = upstream
        self._tenants = tenants
        self._gate = Gate(settings)
        self._calls = DialectCalls(settings, exchange, upstream, tenants)
        self._state = StateCalls(settings, state, upstream, tenants)
        self._websocket = settings.websocket
        self.sockets = Sockets(settings, exchange, upstream, tenants)

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Answers any request."""
        request = _taken_apart(http)
        try:
            await self._dispatch(request)
        except ClientGone:
            raise ConnectionResetError from None  # aiohttp closes, without a word in its log
        except StitcherError as error:
            return await _failed(request, error)
        except Exception as error:  # noqa: BLE001 - the edge: what nobody foresaw gets an answer
            report(error)
            return await _failed(request, error)
        assert request.reply.response is not None
        return request.reply.response

    async def _dispatch(self, request: Request) -> None:
        kind = request.route.kind
        if kind is Kind.HEALTH:
            await _health(request)
        elif request.http.headers.get("Upgrade", "").strip().lower() == "websocket":
            await self._upgrade(request)
        elif kind is Kind.DIALECT:
            admission = self._gate.admit(request.headers, request.route.provider, guarded=True)
            await self._calls.answer(request, admission)
        elif kind is Kind.STATE:
            admission = self._gate.admit(request.headers, request.route.provider, guarded=True)
            await self._state.answer(request, admission)
        elif kind in (Kind.RELAY, Kind.COUNT_TOKENS):
            await self._relay(request)
        else:
            await self._own(request)

    async def _upgrade(self, request: Request) -> None:
        passes = request.route.kind in (Kind.RELAY, Kind.DIALECT)
        if not (self._websocket and passes and request.http.method == "GET"):
            raise UpgradeRefused(
                "found a WebSocket upgrade, expected a plain HTTP request: send the same as POST"
                " and read the answer as a stream"
            )
        # A page may read what comes over a WebSocket to another origin: no CORS guards it.
        admission = self._gate.admit(request.headers, request.route.provider, guarded=True)
        await self.sockets.serve(request, admission)

    async def _relay(self, request: Request) -> None:
        route = request.route
        counting = route.kind is Kind.COUNT_TOKENS
        admission = self._gate.admit(request.headers, route.provider, guarded=counting)
        query = routes.take_session(request.query)[1] if counting else request.query
        call, upload = relay.outgoing(request.http, route, query, admission.headers)
        await relay.stream_upload(request.reply, self._upstream, call, upload)

    async def _own(self, request: Request) -> None:
        route = request.route
        admission = self._gate.admit(request.headers, route.provider, guarded=True)
        if route.kind is Kind.UNKNOWN:
            raise NotFound("found nothing here, expected stitcher/stats or stitcher/sessions/NAME")
        _check_method(request)
        tenant = self._tenants.of(admission.credential)
        if route.kind is Kind.STATS:
            await _send_json(request.reply, await self._exchange.stats(tenant))
            return
        # Whoever says whose session it means never hits another's of the same name.
        meant = parse_qs(request.query).get("tenant", [tenant])
        if meant != [tenant]:
            raise WrongTenant(f"tenant: found the credential of {tenant}, expected {meant[0]}'s")
        name = routes.permitted(route.session or "")
        if not await self._exchange.purge(SessionKey(tenant, name)):
            raise NotFound(f"session: found none named {name[:100]!r}")
        await _send_json(request.reply, {"session": name, "purged": True})


async def _health(request: Request) -> None:
    _check_method(request)
    await _send_json(request.reply, {"status": "ok", "version": __version__})


def _taken_apart(http: web.Request) -> Request:
    headers = routes.text_headers(http.raw_headers)
    path, query = routes.split_target(http.raw_path)
    route = routes.resolve(http.method, path, {name.lower() for name, _ in headers})
    return Request(http, headers, query, route, ClientReply(http))


def _check_method(request: Request) -> None:
    allowed = request.route.allowed
    if request.http.method not in allowed:
        found = request.http.method[:20]
        raise MethodNotAllowed(f"method: found {found}, expected {' or '.join(allowed)}")


async def _send_json(reply: ClientReply, value: Mapping[str, object]) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
    await reply.start(200, [("Content-Type", "application/json")], length=len(body))
    await reply.write(body)
    await reply.finish()


async def _failed(request: Request, error: Exception) -> web.StreamResponse:
    """An error as an answer; where one has begun, the connection is cut as the answer was."""
    status = status_of(error)
    request_id = f"stitcher_{secrets.token_hex(8)}"
    if status >= 500:
        log.warning("%s %d %s", request_id, status, message_of(error))
    if request.reply.started:
        raise ConnectionResetError from None
    body = error_body(request.route.provider, status, message_of(error), request_id)
    headers = [
        ("Content-Type", "application/json"),
        ("X-Stitcher-Status", "error"),
        *_explaining(status, request.route),
    ]
    response = response_of(status, None, headers, len(body))
    await response.prepare(request.http)
    await response.write_eof(body)
    return response


def _explaining(status: int, route: Route) -> list[tuple[str, str]]:
    """What RFC 9110 wants beside some statuses (15.5.2, 15.5.6, 15.5.22)."""
    if status == 401:
        return [("WWW-Authenticate", 'Bearer realm="stitcher"')]
    if status == 405:
        return [("Allow", ", ".join(route.allowed))]
    if status == 426:
        return [("Upgrade", "HTTP/1.1"), ("Connection", "Upgrade")]
    return []


def create_app(
    settings: Settings,
    exchange: Conversations,
    upstream: HttpUpstream,
    state: ResponsesApi | None = None,
) -> web.Application:
    """The application. With tenancy `key` it reads, or makes, the key of the data directory.

    Without `state`, what is asked of the Responses API's state is the provider's to answer.
    """
    tenants: Tenants = OneTenant()
    if settings.tenancy == "key":
        tenants = TenantPerCredential(load_tenant_key(settings.data_dir))
    shell = Shell(settings, exchange, upstream, tenants, state)
    app = web.Application(client_max_size=settings.max_body)
    app.router.add_route("*", "/{path:.*}", shell.handle)
    app.on_response_prepare.append(keep_exact)
    app.on_shutdown.append(shell.sockets.stop)
    app.on_cleanup.append(shell.sockets.close)
    return app
