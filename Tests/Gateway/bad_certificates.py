#!/usr/bin/env python3
"""Makes client certificates that a gateway must not let in, and one that it must.

usage: bad_certificates.py AUTHORITY OUT

AUTHORITY has ca.crt and ca.key, OUT gets the files. Prints a line NAME<TAB>CERTIFICATE<TAB>KEY for each; the first is the
good one. The gateway's policy knows clients whose URI matches ringgate://test.example/agent/*, and nobody else.
"""
import base64
import pathlib
import subprocess
import sys

GOOD_URI = "ringgate://test.example/agent/one"
LEAF = {
    "basicConstraints": "critical, CA:FALSE",
    "keyUsage": "critical, digitalSignature",
    "extendedKeyUsage": "clientAuth",
    "authorityKeyIdentifier": "keyid:always",
    "subjectAltName": f"URI:{GOOD_URI}",
}


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"openssl {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def tlv(tag, content):
    """A DER value of less than 64 KiB."""
    size = len(content)
    if size < 128:
        length = bytes([size])
    elif size < 256:
        length = bytes([0x81, size])
    else:
        length = bytes([0x82, size >> 8, size & 0xFF])
    return bytes([tag]) + length + content


def names(*entries):
    """A subjectAltName as its DER; each entry is a tag of GeneralName and its bytes."""
    return "DER:" + tlv(0x30, b"".join(tlv(tag, content) for tag, content in entries)).hex(":")


def uri(content):
    return names((0x86, content))


class Maker:
    def __init__(self, authority, out):
        self.ca = (authority / "ca.crt", authority / "ca.key")
        self.out = out
        self.serial = 1000
        self.key = self.make_key("shared", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")

    def make_key(self, name, algorithm, *options):
        path = self.out / f"{name}.key"
        openssl("genpkey", "-algorithm", algorithm, *options, "-out", path)
        return path

    def request(self, name, key, subject=None):
        path = self.out / f"{name}.csr"
        openssl("req", "-new", "-key", key, "-subj", subject or f"/CN={name}", "-out", path)
        return path

    def extensions(self, name, changes, raw=""):
        path = self.out / f"{name}.ext"
        lines = [f"{key} = {value}" for key, value in {**LEAF, **changes}.items() if value is not None]
        path.write_text("\n".join(["[ext]", *lines, raw]) + "\n")
        return path

    def leaf(self, name, changes=None, raw="", key=None, ca=None, digest="sha256", options=()):
        """A certificate as a client's should be but for the changes."""
        self.serial += 1
        key = key or self.key
        ca = ca or self.ca
        certificate = self.out / f"{name}.crt"
        openssl(
            "x509", "-req", "-in", self.request(name, key), "-CA", ca[0], "-CAkey", ca[1], "-set_serial", self.serial,
            "-days", 30, f"-{digest}", "-extfile", self.extensions(name, changes or {}, raw), "-extensions", "ext",
            "-out", certificate, *options,
        )
        return self.show(name, certificate, key)

    def dated(self, name, start, end):
        """The same with any dates, which `openssl ca` alone gives."""
        config = self.out / f"{name}.cnf"
        (self.out / f"{name}.index").write_text("")
        config.write_text(
            f"[ca]\ndefault_ca = a\n[a]\ndatabase = {self.out}/{name}.index\nnew_certs_dir = {self.out}\n"
            f"default_md = sha256\nrand_serial = yes\npolicy = p\n[p]\ncommonName = supplied\n"
        )
        certificate = self.out / f"{name}.crt"
        openssl(
            "ca", "-batch", "-notext", "-config", config, "-in", self.request(name, self.key), "-cert", self.ca[0],
            "-keyfile", self.ca[1], "-startdate", start, "-enddate", end, "-extfile", self.extensions(name, {}),
            "-extensions", "ext", "-out", certificate,
        )
        return self.show(name, certificate, self.key)

    def authority(self, name, subject=None, ca=None, usage="critical, keyCertSign, cRLSign"):
        """A CA, signed by itself or by another."""
        key = self.make_key(name, "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        certificate = self.out / f"{name}.crt"
        extensions = self.out / f"{name}.ext"
        extensions.write_text(
            f"[ext]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = {usage}\nsubjectKeyIdentifier = hash\n"
            + ("authorityKeyIdentifier = keyid:always\n" if ca else "")
        )
        signer = ("-CA", ca[0], "-CAkey", ca[1]) if ca else ("-signkey", key)
        openssl(
            "x509", "-req", "-in", self.request(name, key, subject), *signer, "-set_serial", 77, "-days", 30,
            "-extfile", extensions, "-extensions", "ext", "-out", certificate,
        )
        return certificate, key

    def show(self, name, certificate, key):
        print(name, certificate, key, sep="\t")
        return certificate, key

    def chain(self, name, leaf, *others):
        """A file with the leaf and what a client would send beside it."""
        path = self.out / f"{name}.chain.crt"
        path.write_text("".join(pathlib.Path(part).read_text() for part in (leaf[0], *others)))
        return self.show(name + "-with-chain", path, leaf[1])


def purposes(make):
    for usage in ("serverAuth", "codeSigning", "emailProtection", "timeStamping", "OCSPSigning", "1.2.3.4.5"):
        make.leaf(f"purpose-{usage}", {"extendedKeyUsage": usage})
    make.leaf("purpose-any", {"extendedKeyUsage": "anyExtendedKeyUsage"})
    make.leaf("purpose-server-critical", {"extendedKeyUsage": "critical, serverAuth"})
    for usage in ("keyEncipherment", "keyCertSign", "cRLSign", "nonRepudiation", "dataEncipherment"):
        make.leaf(f"key-usage-{usage}", {"keyUsage": f"critical, {usage}"})
    make.leaf("is-authority", {"basicConstraints": "critical, CA:TRUE"})
    make.leaf("is-authority-not-critical", {"basicConstraints": "CA:TRUE"})
    make.leaf(
        "is-authority-with-path", {"basicConstraints": "critical, CA:TRUE, pathlen:0",
                                   "keyUsage": "critical, digitalSignature, keyCertSign"})
    make.leaf("constraints-path-without-authority", {"basicConstraints": "critical, DER:30:03:02:01:00"})


def identities(make):
    odd = {
        "nul": b"ringgate://test.example/agent/one\0", "nul-inside": b"ringgate://test.example/agent/one\0/x",
        "newline": b"ringgate://test.example/agent/one\n", "return": b"ringgate://test.example/agent/o\rne",
        "tab": b"ringgate://test.example/agent/o\tne", "space": b"ringgate://test.example/agent/o ne",
        "percent": b"ringgate://test.example/agent/%6fne", "query": b"ringgate://test.example/agent/one?x",
        "fragment": b"ringgate://test.example/agent/one#x", "empty-segment": b"ringgate://test.example//agent/one",
        "dot": b"ringgate://test.example/./agent/one", "dots": b"ringgate://test.example/agent/../agent/one",
        "slash-at-end": b"ringgate://test.example/agent/one/", "utf-8": "ringgate://test.example/agent/öne".encode(),
        "high-byte": b"ringgate://test.example/agent/\xff", "delete": b"ringgate://test.example/agent/\x7f",
        "empty": b"", "no-scheme": b"//test.example/agent/one", "long": b"ringgate://test.example/agent/" + b"x" * 300,
        "scheme-case": b"RINGGATE://test.example/agent/one", "host-case": b"ringgate://TEST.example/agent/one",
        "other-host": b"ringgate://test.example.org/agent/one", "user": b"ringgate://a@test.example/agent/one",
        "port": b"ringgate://test.example:1/agent/one", "deeper": b"ringgate://test.example/agent/one/two",
        "shallower": b"ringgate://test.example/agent", "neighbour": b"ringgate://test.example/agents/one",
        "backslash": b"ringgate:\\\\test.example\\agent\\one",
    }
    for name, content in odd.items():
        make.leaf(f"uri-{name}", {"subjectAltName": uri(content)})
    good = GOOD_URI.encode()
    make.leaf("uri-twice", {"subjectAltName": names((0x86, good), (0x86, good))})
    make.leaf("uri-and-another", {"subjectAltName": names((0x86, good), (0x86, good + b"x"))})
    make.leaf("uri-as-dns-name", {"subjectAltName": names((0x82, good))})
    make.leaf("uri-as-email", {"subjectAltName": names((0x81, good))})
    make.leaf("uri-as-other-name", {"subjectAltName": f"otherName:1.2.3.4;UTF8:{GOOD_URI}"})
    make.leaf("names-none", {"subjectAltName": None})
    make.leaf("names-empty", {"subjectAltName": "DER:30:00"})


def keys(make):
    make.leaf("rsa-1024", key=make.make_key("rsa-1024", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"))
    make.leaf("p-192", key=make.make_key("p-192", "EC", "-pkeyopt", "ec_paramgen_curve:P-192"))
    make.leaf("digest-sha1", digest="sha1")
    certificate, key = make.leaf("signature-good-until-changed")
    body = "".join(certificate.read_text().splitlines()[1:-1])
    changed = bytearray(base64.b64decode(body))
    changed[-1] ^= 1
    lines = base64.encodebytes(bytes(changed)).decode()
    certificate.write_text(f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")


def chains(make, authority):
    subject = openssl("x509", "-in", make.ca[0], "-noout", "-subject", "-nameopt", "compat").strip()
    make.leaf("other-authority", ca=make.authority("stranger"))
    make.leaf("authority-of-the-same-name", ca=make.authority("twin", subject.replace("subject=", "")))
    below = make.authority("below", ca=make.ca)
    leaf = make.leaf("below-another-authority", ca=below)
    make.chain("below-another-authority", leaf, below[0])
    toothless = make.authority("toothless", ca=make.ca, usage="critical, cRLSign")
    leaf = make.leaf("below-one-that-may-not-sign", ca=toothless)
    make.chain("below-one-that-may-not-sign", leaf, toothless[0])
    client = (make.out / "good.crt", make.key)
    leaf = make.leaf("signed-by-a-client", ca=client)
    make.chain("signed-by-a-client", leaf, client[0])
    make.leaf("other-authority-key-id", {"authorityKeyIdentifier": "DER:30:06:80:04:01:02:03:04"})
    make.leaf("no-authority-key-id", {"authorityKeyIdentifier": "none"})
    make.leaf("unknown-critical-extension", raw="1.2.3.4.5 = critical, ASN1:NULL")
    request = make.request("signed-by-itself", make.key)
    certificate = make.out / "signed-by-itself.crt"
    openssl(
        "x509", "-req", "-in", request, "-signkey", make.key, "-days", 30, "-extfile",
        make.extensions("signed-by-itself", {"authorityKeyIdentifier": None}), "-extensions", "ext", "-out", certificate)
    make.show("signed-by-itself", certificate, make.key)
    make.show("the-authority-itself", *make.ca)


def main():
    authority, out = (pathlib.Path(argument) for argument in sys.argv[1:])
    out.mkdir(exist_ok=True)
    make = Maker(authority, out)
    make.leaf("good")
    make.dated("ended-long-ago", "20200101000000Z", "20200102000000Z")
    make.dated("ended-in-1951", "19500101000000Z", "19510101000000Z")
    make.dated("begins-later", "20900101000000Z", "20910101000000Z")
    make.dated("ends-before-it-begins", "20900101000000Z", "20200101000000Z")
    purposes(make)
    identities(make)
    keys(make)
    chains(make, authority)


main()
