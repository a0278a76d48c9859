"""jobctl over TLS: whom it trusts, and whom it does not."""

import os
import shutil
import subprocess

from jobdtest import Daemon, check, equal, jobctl, main, skip, tempdir, test


class Certificates:
    """An authority with certificates that it gives out."""

    def __init__(self):
        self.dir = tempdir()
        self.ca = self.path("ca.pem")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=an authority",
                     "-keyout", self.path("ca.key"), "-out", self.ca)

    def path(self, name):
        return os.path.join(self.dir, name)

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def give(self, name, alternative, days="2"):
        """(certificate, key) for what the extension says, e.g. "DNS:localhost"."""
        key, request, certificate = self.path(name + ".key"), self.path(name + ".csr"), self.path(name + ".pem")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout", key,
                     "-addext", "subjectAltName=" + alternative, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", days,
                     "-copy_extensions", "copy", "-out", certificate)
        return certificate, key


def start(certificate, key, *more):
    return Daemon("shutdown.grace=0", "listen.tls=127.0.0.1:0", "tls.certificate=" + certificate, "tls.key=" + key, *more)


def need_openssl():
    if not shutil.which("openssl"):
        skip("openssl is not installed")


@test("a trusted daemon is spoken to, by its address and by its name")
def _():
    need_openssl()
    made = Certificates()
    with start(*made.give("server", "DNS:localhost,IP:127.0.0.1")) as d:
        port = d.tls[1]
        trust = {"JOBD_TLS_CA": made.ca}
        for host in ["127.0.0.1", "localhost"]:
            check("tls://%s:%d" % (host, port) in jobctl("-H", "tls://%s:%d" % (host, port), "ping", env=trust).out)
        address = "tls://127.0.0.1:%d" % port
        equal(jobctl("-H", address, "run", "seq", "100000", env=trust).out, "".join("%d\n" % n for n in range(1, 100001)))
        lines = "".join('{"type": "noop", "hold": true, "args": {"x": "%s"}}\n' % ("y" * 3000) for n in range(1000))
        equal(len(jobctl("-H", address, "submit", "-f", "-", input=lines, env=trust).out.splitlines()), 1000)
        check("jobd" in jobctl("-H", address, "ping", env={"SSL_CERT_FILE": made.ca}).out, "the system's authorities")


@test("another's certificate, another name, an expired one are not")
def _():
    need_openssl()
    made, other = Certificates(), Certificates()
    with start(*made.give("server", "DNS:localhost")) as d:
        port = d.tls[1]
        for address, env, said in [
            ("tls://localhost:%d" % port, {}, "certificate"),
            ("tls://localhost:%d" % port, {"JOBD_TLS_CA": other.ca}, "certificate"),
            ("tls://127.0.0.1:%d" % port, {"JOBD_TLS_CA": made.ca}, "mismatch"),
            ("tls://localhost:%d" % port, {"JOBD_TLS_CA": "/nonexistent"}, "JOBD_TLS_CA"),
            ("tls://localhost:%d" % d.tcp[1], {"JOBD_TLS_CA": made.ca}, "TLS handshake failed"),
        ]:
            got = jobctl("-H", address, "ping", env=env, code=3)
            check(said in got.err and "no trusted connection to " + address in got.err, got.err)
        jobctl("-H", "127.0.0.1:%d" % port, "ping", code=3)


@test("a daemon that asks for a certificate gets the client's")
def _():
    need_openssl()
    made = Certificates()
    certificate, key = made.give("client", "DNS:client")
    with start(*made.give("server", "IP:127.0.0.1"), "tls.client_ca=" + made.ca) as d:
        address = "tls://127.0.0.1:%d" % d.tls[1]
        shown = {"JOBD_TLS_CA": made.ca, "JOBD_TLS_CERTIFICATE": certificate, "JOBD_TLS_KEY": key}
        check("jobd" in jobctl("-H", address, "ping", env=shown).out)
        got = jobctl("-H", address, "ping", env={"JOBD_TLS_CA": made.ca}, code=3)
        check(got.err.startswith("jobctl: "), got.err)
        got = jobctl("-H", address, "ping", env=dict(shown, JOBD_TLS_KEY="/nonexistent"), code=3)
        check("JOBD_TLS_KEY" in got.err, got.err)


main()
