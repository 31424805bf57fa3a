"""Whom https is believed: the system's own certificates and those of requests, or one bundle that the user names."""

from __future__ import annotations

import os
import ssl
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # whoever sets one of them wants these and no others


def named_by_environment() -> bool:
    """Whether the environment names a bundle."""
    return any(os.environ.get(name) for name in BUNDLES)


class SystemTrust(HTTPAdapter):
    """Adds what the system trusts (its store, SSL_CERT_FILE, SSL_CERT_DIR) to the certificates that requests brings.

    The store is read at the first https request: it costs more than a small download.
    """

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        super().__init__()

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        """As requests does, with the system's certificates."""
        if self._context is None:
            self._context = ssl.create_default_context()
            self.init_poolmanager(DEFAULT_POOLSIZE, DEFAULT_POOLSIZE, ssl_context=self._context)
        return super().send(request, *arguments, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The same for servers behind a proxy."""
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)
