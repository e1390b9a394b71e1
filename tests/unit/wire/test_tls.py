import ssl

import pytest
import trustme

from steelyard.wire.tls import SESSIONS_MAX, tls_context


def shake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Returns the client's end after a handshake in memory, its session ticket read."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    done = set()
    while len(done) < 2:
        for end in (near, far):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass
    far.write(b"x")
    assert near.read(1) == b"x"
    return near


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("vendor.test", "other.test").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority, tmp_path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def test_resumes_the_session_of_the_same_host_only(server, ca_file):
    context = tls_context(ca_file)
    first = shake(context, server, "vendor.test")
    assert not first.session_reused
    context.remember(first)
    assert shake(context, server, "vendor.test").session_reused
    assert not shake(context, server, "other.test").session_reused


def test_remembers_a_bounded_number_of_hosts(server, ca_file):
    context = tls_context(ca_file)
    first = shake(context, server, "vendor.test")
    for i in range(SESSIONS_MAX):
        context._remembered()[f"{i}.test"] = first.session
    context.remember(first)
    assert len(context._remembered()) == 1


def test_verifies_the_authority_and_the_name(server, ca_file):
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(tls_context(), server, "vendor.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(tls_context(ca_file), server, "wrong.test")


def test_old_versions_and_missing_files_are_refused(tmp_path):
    assert tls_context().minimum_version == ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError):
        tls_context(str(tmp_path / "missing.pem"))
