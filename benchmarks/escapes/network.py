"""Everybody who could be spoken to."""

from __future__ import annotations

from benchmarks.escapes.program import Attempt

NETWORK = (
    Attempt(
        "tcp-to-this-machine",
        """
        port = int(os.environ["OUTSIDE_PORT"])
        for address in ("127.0.0.1", "127.0.0.2", "0.0.0.0", os.environ["OUTSIDE_ADDRESS"]):
            refused(
                lambda: socket.create_connection((address, port), 2), errno.ECONNREFUSED, errno.ENETUNREACH
            )
        """,
    ),
    Attempt(
        "tcp-to-elsewhere",
        """
        for address in ("1.1.1.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "172.17.0.1"):
            for port in (53, 80, 443, 2375):
                refused(lambda: socket.create_connection((address, port), 2), errno.ENETUNREACH)
        """,
    ),
    Attempt(
        "ipv6",
        """
        for address in ("::1", "2606:4700:4700::1111", "fe80::1", "::ffff:1.1.1.1"):
            refused(
                lambda: socket.create_connection((address, 80), 2),
                errno.ENETUNREACH,
                errno.ECONNREFUSED,
                errno.EADDRNOTAVAIL,
                errno.EINVAL,
            )
        """,
    ),
    Attempt(
        "udp-and-names",
        """
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for address in ("8.8.8.8", "255.255.255.255", "224.0.0.251", os.environ["OUTSIDE_ADDRESS"]):
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            refused(lambda: sender.sendto(b"x", (address, 53)), errno.ENETUNREACH)
        refused(
            lambda: socket.getaddrinfo("example.org", 80),
            socket.EAI_AGAIN,
            socket.EAI_NONAME,
            socket.EAI_FAIL,
        )
        """,
    ),
    Attempt(
        "raw-sockets",
        """
        for family, kind, protocol in (
            (2, 3, 1),
            (2, 3, 255),
            (10, 3, 58),
            (17, 3, 768),
            (17, 2, 768),
            (2, 10, 0),
        ):
            refused(lambda: socket.socket(family, kind, protocol), errno.ESOCKTNOSUPPORT, errno.EINVAL)
        """,
    ),
    Attempt(
        "vsock",
        """
        for kind in (1, 2, 5):
            refused(lambda: socket.socket(40, kind, 0))
        # In the high half of the register, where the kernel does not look.
        refused(lambda: call(41 if X86 else 198, (1 << 32) | 40, 1, 0))
        """,
    ),
    Attempt(
        "every-other-family",
        """
        for family in range(64):
            if family in (1, 2, 10, 16):
                continue
            for kind in (1, 2, 3, 5):
                refused(lambda: socket.socket(family, kind, 0))
                refused(lambda: socket.socketpair(family, kind, 0))
        """,
    ),
    Attempt(
        "netlink",
        """
        for protocol in range(1, 32):
            refused(lambda: socket.socket(16, 3, protocol))
        route = socket.socket(16, 3, 0)
        # RTM_NEWLINK: a pair of devices, one end of it in the namespace of process 1 outside.
        request = struct.pack("=IHHII", 32, 16, 0x605, 1, 0) + struct.pack("=BxHiII", 0, 0, 0, 1, 1)
        route.send(request)
        answer = route.recv(4096)
        code = struct.unpack_from("=i", answer, 16)[0]
        if -code not in REFUSED | {errno.EOPNOTSUPP, errno.EINVAL}:
            raise Escaped(str(code))
        """,
    ),
    Attempt(
        "devices-of-the-network",
        """
        names = [name for _, name in socket.if_nameindex()]
        if set(names) - {
            "lo",
            "tunl0",
            "sit0",
            "ip6tnl0",
            "gre0",
            "gretap0",
            "erspan0",
            "ip_vti0",
            "ip6_vti0",
            "ip6gre0",
            "bond0",
            "dummy0",
            "teql0",
        }:
            raise Escaped(repr(names))
        """,
    ),
    Attempt(
        "abstract-sockets",
        """
        name = "\\0" + os.environ["OUTSIDE_ABSTRACT"]
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            speaker = socket.socket(socket.AF_UNIX, kind)
            refused(lambda: speaker.connect(name), errno.ECONNREFUSED)
        for known in ("/tmp/.X11-unix/X0", "/org/freedesktop/systemd1/notify", "/containerd-shim/moby"):
            refused(lambda: socket.socket(socket.AF_UNIX).connect("\\0" + known), errno.ECONNREFUSED)
        """,
    ),
    Attempt(
        "sockets-in-folders",
        """
        for name in (
            os.environ["OUTSIDE_SOCKET"],
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run/containerd/containerd.sock",
            "/run/dbus/system_bus_socket",
            "/run/systemd/private",
            "/run/systemd/notify",
            "/run/user/0/bus",
            "/dev/log",
        ):
            refused(lambda: socket.socket(socket.AF_UNIX).connect(name), errno.ENOENT, errno.ECONNREFUSED)
        """,
    ),
    Attempt(
        "being-listened-to",
        """
        # What listens in the box is found by nobody outside: the runner tries it meanwhile.
        listener = socket.create_server(("127.0.0.1", int(os.environ["INSIDE_PORT"])))
        listener.settimeout(0.5)
        refused(lambda: listener.accept(), None)
        """,
    ),
)
