from email.utils import parsedate_to_datetime


def test_the_date_is_rendered_once_a_second(client):
    server = client.server
    server.render_date()
    first = server.date_line
    assert first.startswith(b"date: ") and first.endswith(b" GMT\r\n")
    assert server.date_line_last == first + b"\r\n"
    assert parsedate_to_datetime(first[6:-2].decode()).tzinfo is not None
    assert server.date_until == server.wheel.now + 1.0


def test_lost_connections_are_forgotten(client):
    assert client.server.open_connections == {client.connection}
    assert client.server.connections == 1
    client.server.forget(client.connection)
    client.server.forget(client.connection)
    assert client.server.open_connections == set()
