"""The driver's process: handshake, TLS, health, end."""

import base64
import datetime
import os
import secrets
import signal
import sys
import threading
from concurrent import futures

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .driver import Call
from .server import Service

PROTOCOL_VERSION = 1
COOKIE = ("ENGINE_DRIVER", "this is a driver of the engine; try: engine driver test PATH")
MAX_MESSAGE = 32 << 20  # a header with the largest palette is 24 MiB
_THREADS = 64

_handshake = None  # the kept standard output


def keep_stdout():
    """Keep standard output for the handshake line and make descriptor 1 another name
    of descriptor 2, so that nothing a library prints gets into the protocol. serve
    does it; call it yourself before you import a library that prints."""
    global _handshake
    if _handshake is None:
        _handshake = os.dup(1)  # not inherited by children
        os.dup2(2, 1)


def serve(driver):
    """Run a driver until the engine ends it. driver is a Driver or, better, a class
    or function that makes one: it is called when standard output is safe."""
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        print("This is a driver of the engine; the engine starts it. Try: engine driver test PATH", file=sys.stderr)
        sys.exit(1)
    keep_stdout()
    _follow_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine decides when to end
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # nothing runs yet
    folder, client = os.environ.get("PLUGIN_UNIX_SOCKET_DIR"), os.environ.get("PLUGIN_CLIENT_CERT")
    versions = os.environ.get("PLUGIN_PROTOCOL_VERSIONS", str(PROTOCOL_VERSION)).split(",")
    if not folder or not client or str(PROTOCOL_VERSION) not in versions:
        print(f"PLUGIN_UNIX_SOCKET_DIR and PLUGIN_CLIENT_CERT are needed, and version {PROTOCOL_VERSION} among {versions}", file=sys.stderr)
        sys.exit(1)
    if callable(driver):
        driver = driver()
    # The interpreter itself writes a signal's number into the pipe. A handler in
    # Python could come between its last look and the wait, and be missed.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((Service(driver), _Plugin(lambda: os.write(wake, bytes([signal.SIGTERM])))))
    key, certificate, der = _certificate()
    path = os.path.join(folder, "plugin" + secrets.token_hex(6))
    server.add_secure_port("unix:" + path, grpc.ssl_server_credentials([(key, certificate)], client.encode(), require_client_auth=True))
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.start()
    line = f"1|{PROTOCOL_VERSION}|unix|{path}|grpc|{base64.b64encode(der).decode().rstrip('=')}\n"
    os.write(_handshake, line.encode())
    while os.read(woken, 1) != bytes([signal.SIGTERM]):
        pass  # a signal of a vendor library
    server.stop(0.2).wait(1)
    os._exit(0)  # threads of vendor libraries do not keep it alive


def _certificate():
    """A fresh key and self-signed certificate for localhost: PEM, PEM, DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost"), x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "engine driver")])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=True, data_encipherment=False, key_agreement=True,
                          key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False)
    extended = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH, x509.ExtendedKeyUsageOID.SERVER_AUTH])
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(seconds=30)).not_valid_after(now + datetime.timedelta(days=365 * 30))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).add_extension(usage, critical=True)
            .add_extension(extended, critical=False).sign(key, hashes.SHA256()))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, cert.public_bytes(serialization.Encoding.PEM), cert.public_bytes(serialization.Encoding.DER)


def _follow_parent():
    """End when the engine is gone."""
    parent = os.getppid()

    def follow():
        while not threading.Event().wait(2):
            if os.getppid() != parent:
                os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


class _Plugin(grpc.GenericRpcHandler):
    """What go-plugin asks of every plugin: health, controller, stdio. The messages
    are so small that they are read and written as bytes."""

    def __init__(self, done):
        self._methods = {
            "/grpc.health.v1.Health/Check": grpc.unary_unary_rpc_method_handler(self._health),
            "/plugin.GRPCController/Shutdown": grpc.unary_unary_rpc_method_handler(self._shutdown),
            "/plugin.GRPCStdio/StreamStdio": grpc.unary_stream_rpc_method_handler(self._stdio),
        }
        self._done = done

    def service(self, handler_call_details):
        return self._methods.get(handler_call_details.method)

    def _health(self, request, context):
        if request not in (b"", b"\x0a\x06plugin"):  # service = 1: "plugin"
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return b"\x08\x01"  # status = 1: SERVING

    def _shutdown(self, request, context):
        context.add_callback(self._done)  # after the answer
        return b""

    def _stdio(self, request, context):
        Call(context).ended.wait()  # everything goes to standard error
        return iter(())
