"""Networks: bridge networks of root's, with addresses, names, published ports, and walls between them; pasta for
everybody else. The test process is its own host: a network namespace with a link to another one, the world."""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading

import archives
import harness
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, libc, main, skip

CLONE_NEWNET = 0x40000000
WORLD, HOST = "192.0.2.1", "192.0.2.2"  # RFC 5737
WORLD6, HOST6 = "2001:db8::1", "2001:db8::2"  # RFC 3849
world = None  # a process in the other namespace


def sh(command):
    return subprocess.run(["sh", "-ec", command], capture_output=True, text=True, check=True).stdout


def in_namespace_of(pid, work):
    """What `work` returns, in a thread that has entered the network namespace of `pid`."""
    result = []

    def run():
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            result.append(work())
        finally:
            os.close(fd)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


def setUpModule():
    global world
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nft"):
        if harness.must_run("network"):
            raise RuntimeError("network: these tests need root, ip and nft")
        raise unittest_skip("network: these tests need root, ip and nft")
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    world = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
    own = os.stat("/proc/self/ns/net").st_ino
    while os.stat(f"/proc/{world.pid}/ns/net").st_ino == own or b"sleep" not in pathlib.Path(f"/proc/{world.pid}/cmdline").read_bytes():
        pass
    sh(f"""ip link set lo up
           ip link add out0 type veth peer name eth0 netns {world.pid}
           ip addr add {HOST}/24 dev out0; ip -6 addr add {HOST6}/64 dev out0 nodad; ip link set out0 up
           ip route add default via {WORLD}; ip -6 route add default via {WORLD6}
           nsenter -t {world.pid} -n sh -ec 'ip link set lo up; ip addr add {WORLD}/24 dev eth0
             ip -6 addr add {WORLD6}/64 dev eth0 nodad; ip link set eth0 up'""")


def unittest_skip(reason):
    import unittest
    return unittest.SkipTest(reason)


def tearDownModule():
    if world:
        world.kill()
        world.wait()


def serve(address, answer, port=0, kind=socket.SOCK_STREAM):
    """A socket of this namespace that answers with `answer(peer)` to whoever comes; its port."""
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    if kind == socket.SOCK_STREAM:
        server.listen()

    def loop():
        while True:
            try:
                if kind == socket.SOCK_DGRAM:
                    _, peer = server.recvfrom(2048)
                    server.sendto(answer(peer[0]), peer)
                    continue
                connection, peer = server.accept()
            except OSError:
                return
            connection.recv(16)
            connection.sendall(answer(peer[0]))
            connection.close()

    threading.Thread(target=loop, daemon=True).start()
    return server


def ask(address, port, kind=socket.SOCK_STREAM, timeout=10.0):
    """What is said at an address; "" when nobody is to be reached."""
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    client.settimeout(timeout)
    try:
        client.connect((address, port))
        client.send(b"?\n")  # first: pasta of 2023 lets nobody speak who is not spoken to
        return client.recv(2048).decode()
    except OSError:
        return ""
    finally:
        client.close()


def links():
    return sorted(line.split("@")[0].split()[0] for line in sh("ip -br link").splitlines())


def tables():
    return sh("nft list tables").split("\n")[:-1]


class Networks(E2E):
    def setUp(self):
        self.before = (links(), tables())

    def demo(self, user=ROOT):
        box = self.box(user)
        box.image(archives.rootfs(), "demo")
        return box

    def running(self, box, name, *flags, network="bridge", script="echo ready; exec sleep 1000"):
        process = box.start("run", "--rm", "--name", name, "--network", network, *flags, "demo", "sh", "-c", script)
        self.addCleanup(self.end, process)
        return self.await_ready(process)

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
        process.communicate()

    def network_of(self, box, name):
        return box.json("inspect", name)[0]["network"]

    def address_of(self, box, name):
        return self.network_of(box, name)["addresses"][0]

    def pid_of(self, box, name):
        return box.json("inspect", name)[0]["pid"]

    def assert_nothing_left(self):
        self.assertEqual((links(), tables()), self.before)


# What says its name to whoever connects.
ANSWER = "nc -ll -p 80 -e sh -c 'read line; echo %s' & while ! nc 127.0.0.1 80; do sleep 0.01; done >/dev/null; echo ready; wait"


class Bridge(Networks):
    def test_gives_an_address_a_way_out_and_names(self):
        box = self.demo()
        server = in_namespace_of(world.pid, lambda: serve(WORLD, lambda peer: peer.encode(), 7000))
        self.addCleanup(server.close)
        host = serve("0.0.0.0", lambda peer: b"the host", 7001)
        self.addCleanup(host.close)
        out = box.ok("run", "--network", "bridge", "--hostname", "me", "demo", "sh", "-c",
                     f"ip -o -4 addr show eth0; ip route; nc {WORLD} 7000; echo; "
                     "nc $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p') 7001; echo; grep me /etc/hosts")
        self.assertRegex(out, r"inet 10\.77\.\d+\.2/24")
        self.assertRegex(out, r"default via 10\.77\.\d+\.1 dev eth0")
        self.assertIn(f"\n{HOST}\n", out)  # the world sees this host, not the container
        self.assertIn("\nthe host\n", out)
        self.assertRegex(out, r"10\.77\.\d+\.2\tme\t# layerbox")
        self.assert_nothing_left()

    def test_containers_find_each_other_by_name_whoever_came_first(self):
        box = self.demo()
        self.running(box, "web", "--hostname", "web-1", script=ANSWER % "hello")
        first = self.running(box, "early", script="echo ready; while ! grep late /etc/hosts; do sleep 0.05; done; "
                             "while grep late /etc/hosts; do sleep 0.05; done >/dev/null; cat /etc/hosts")
        self.assertEqual(box.ok("run", "--network", "bridge", "demo", "sh", "-c", "nc web 80; nc web-1 80"), "hello\n" * 2)
        box.ok("run", "--rm", "--name", "late", "--network", "bridge", "demo", "sleep", "1")
        out, _ = first.communicate(timeout=60)
        text = out.decode()
        self.assertIn(f"{self.address_of(box, 'web')}\tweb-1 web\t", text)
        self.assertIn("127.0.0.1\tlocalhost\n", text)

    def test_what_a_container_writes_to_its_hosts_file_stays(self):
        box = self.demo()
        mine = self.running(box, "mine", "--add-host", "given:192.0.2.77",
                            script="echo 192.0.2.78 written >>/etc/hosts; echo ready; "
                            "while ! grep -q other /etc/hosts; do sleep 0.05; done; cat /etc/hosts")
        other = self.running(box, "other")
        out, _ = mine.communicate(timeout=60)
        self.assertIn("192.0.2.77\tgiven\n", out.decode())
        self.assertIn("192.0.2.78 written\n", out.decode())
        self.end(other)
        result = box.run("run", "--network", "bridge", "--read-only", "demo", "sh", "-c", "echo x >>/etc/hosts")
        self.assertNotEqual(result.status, 0)
        # Links and huge files inside are the container's own trouble.
        hostile = self.running(box, "hostile", script="dd if=/dev/zero of=/etc/hosts bs=1M count=2 2>/dev/null; "
                               "rm -f /etc/hosts; ln -s /proc/1/status /etc/hosts; echo ready; exec sleep 1000")
        self.assertEqual(box.ok("run", "--network", "bridge", "demo", "echo", "fine"), "fine\n")
        self.end(hostile)

    def test_publishes_ports_to_this_host_to_the_world_and_to_neighbours(self):
        box = self.demo()
        self.running(box, "web", "-p", "8080:80", "-p", "127.0.0.1:8081:80", "-p", "80", script=ANSWER % "hello")
        ports = self.network_of(box, "web")["ports"]
        self.assertEqual(ports[:2], ["8080->80/tcp", "127.0.0.1:8081->80/tcp"])
        free = int(ports[2].split("->")[0])
        for address in ("127.0.0.1", HOST):
            self.assertEqual(ask(address, 8080), "hello\n", address)
            self.assertEqual(ask(address, free), "hello\n", address)
        self.assertEqual(ask("127.0.0.1", 8081), "hello\n")
        self.assertEqual(ask(HOST, 8081), "")
        self.assertEqual(in_namespace_of(world.pid, lambda: ask(HOST, 8080)), "hello\n")
        self.assertEqual(in_namespace_of(world.pid, lambda: ask(HOST, 8081, timeout=2)), "")
        self.assertEqual(box.ok("run", "--network", "bridge", "demo", "nc", HOST, "8080"), "hello\n")
        self.assertEqual(ask(self.address_of(box, "web"), 80), "hello\n")

    def test_publishes_datagrams_and_ranges(self):
        box = self.demo()
        self.running(box, "dns", "-p", "5300-5301:53-54/udp")
        server = in_namespace_of(self.pid_of(box, "dns"),
                                 lambda: serve("0.0.0.0", lambda peer: b"datagram", 54, socket.SOCK_DGRAM))
        self.addCleanup(server.close)
        self.assertEqual(self.network_of(box, "dns")["ports"], ["5300->53/udp", "5301->54/udp"])
        self.assertEqual(ask("127.0.0.1", 5301, socket.SOCK_DGRAM), "datagram")

    def test_a_port_belongs_to_one(self):
        box = self.demo()
        taken = serve("0.0.0.0", lambda peer: b"mine", 8090)
        self.addCleanup(taken.close)
        self.assertIn("publishing 8090->80/tcp: Address already in use",
                      box.fails(125, "run", "--network", "bridge", "-p", "8090:80", "demo", "true"))
        self.running(box, "first", "-p", "8091:80")
        self.assertIn("hint: another program has that port",
                      box.fails(125, "run", "--network", "bridge", "-p", "8091:80", "demo", "true"))
        self.assertIn("this host does not have the address",
                      box.fails(125, "run", "--network", "bridge", "-p", "192.0.2.99:8092:80", "demo", "true"))
        self.assertIn("is on no network", box.fails(2, "run", "-p", "8092:80", "demo", "true"))
        self.assertEqual(ask("127.0.0.1", 8090), "mine")

    def test_leaves_nothing_and_gives_addresses_back(self):
        box = self.demo()
        for _ in range(3):
            self.assertRegex(box.ok("run", "--network", "bridge", "-p", "80", "demo", "ip", "-o", "addr"), r"inet 10\.77\.\d+\.2/24")
            self.assert_nothing_left()

    def test_leaves_nothing_when_it_is_killed(self):
        box = self.demo()
        for _ in range(3):
            process = self.running(box, "one", "-p", "8080:80", script=ANSWER % "hello")
            other = self.running(box, "two")
            process.kill()
            process.wait()
            # The network is the other's, too; the killed one's address, port and rules are free again.
            self.eventually(lambda: not ask("127.0.0.1", 8080), "the port is still answered")
            self.assertEqual(len(tables()), len(self.before[1]) + 1)
            other.kill()
            other.wait()
            self.eventually(lambda: (links(), tables()) == self.before, "something is left")
            box.ok("ps")

    def test_many_at_once_have_an_address_each(self):
        box = self.demo()
        box.ok("run", "--network", "bridge", "demo", "true")
        script = "ip -o -4 addr show eth0 | sed 's/.*inet \\([^/]*\\).*/\\1/'; read line"
        processes = [box.start("run", "-i", "--network", "bridge", "demo", "sh", "-c", script) for _ in range(12)]
        addresses = [process.stdout.readline().strip() for process in processes]
        for process in processes:
            _, errors = process.communicate(b"\n", timeout=60)
            self.assertEqual((process.returncode, errors), (0, b""))
        self.assertEqual(len(set(addresses)), 12, addresses)
        self.assertNotIn(b"", addresses)
        self.assert_nothing_left()

    def test_goes_with_the_hosts_ids_and_with_a_copy(self):
        box = self.demo()
        for flags in (["--userns", "host"], ["--backend", "copy"], ["--init"], ["-t"]):
            with self.subTest(flags):
                self.assertRegex(box.ok("run", *flags, "--network", "bridge", "demo", "cat", "/etc/hosts"), r"10\.77\.\d+\.2\t")

    def test_shares_its_network_by_name(self):
        box = self.demo()
        self.running(box, "web", script=ANSWER % "hello")
        out = box.ok("run", "--network", "container:web", "demo", "sh", "-c", "nc 127.0.0.1 80; ip -o -4 addr show eth0")
        self.assertIn("hello\n", out)
        self.assertIn(self.address_of(box, "web"), out)

    def test_asks_name_servers_that_it_can_reach(self):
        box = self.demo()
        mine = box.write("resolv.conf", b"search lan\nnameserver 127.0.0.53\nnameserver 192.0.2.53\n")
        sh(f"mount --bind {mine} /etc/resolv.conf")
        self.addCleanup(sh, "umount /etc/resolv.conf")
        self.assertEqual(box.ok("run", "--network", "bridge", "demo", "cat", "/etc/resolv.conf"),
                         "search lan\nnameserver 192.0.2.53\n")
        self.assertEqual(box.ok("run", "--network", "bridge", "--dns", "192.0.2.54", "demo", "cat", "/etc/resolv.conf"),
                         "search lan\nnameserver 192.0.2.54\n")


class Named(Networks):
    def test_are_made_shown_and_removed(self):
        box = self.demo()
        self.assertEqual(box.ok("network", "create", "--subnet", "10.9.8.0/24", "--gateway", "10.9.8.99", "--ipv6",
                                "--label", "a=b", "blue"), "blue\n")
        shown, = box.json("network", "inspect", "blue")
        self.assertEqual(shown["subnets"][0], {"subnet": "10.9.8.0/24", "gateway": "10.9.8.99"})
        self.assertRegex(shown["subnets"][1]["subnet"], r"\Afd[0-9a-f:]+::/64\Z")
        self.assertEqual((shown["labels"], shown["internal"], shown["mtu"]), ({"a": "b"}, False, 1500))
        self.assertRegex(box.ok("network", "ls"), r"\ANAME +SUBNETS +LINK +CONTAINERS +CREATED\nblue +10\.9\.8\.0/24, fd")
        self.running(box, "web", network="blue")
        self.assertEqual(box.json("network", "ls")[0]["containers"][0]["name"], "web")
        self.assertIn("container web", box.fails(1, "network", "rm", "blue"))
        self.assertEqual(box.ok("network", "prune"), "")
        self.assertIn("already", box.fails(1, "network", "create", "blue").replace("there is one of that name", "already"))
        self.assertEqual(box.json("network", "ls", "-q"), ["blue"])

    def test_go_when_nobody_uses_them(self):
        box = self.demo()
        for name in ("a", "b", "c"):
            box.ok("network", "create", name)
        self.assertEqual(box.ok("network", "rm", "b"), "b\n")
        box.ok("run", "--name", "kept", "--network", "a", "demo", "true")
        self.assertEqual(box.ok("network", "prune"), "c\n")
        box.ok("rm", "kept")
        self.assertEqual(box.json("network", "prune"), [{"name": "a"}])
        self.assertEqual(box.json("network", "ls"), [])
        self.assertIn("there is no network", box.fails(1, "network", "rm", "b"))
        self.assertEqual(box.ok("network", "rm", "--force", "b"), "")

    def test_that_are_not_there_are_named_with_the_nearest(self):
        box = self.demo()
        box.ok("network", "create", "backend")
        self.assertIn("hint: did you mean", box.fails(125, "run", "--network", "backent", "demo", "true"))
        self.assertIn("'layerbox network create green' makes it", box.fails(125, "run", "--network", "green", "demo", "true"))
        self.assertEqual(box.json("ps", "-a"), [])

    def test_refuse_what_makes_no_network(self):
        box = self.demo()
        for flags in (["--subnet", "10.0.0.1/24"], ["--subnet", "10.0.0.0/31"], ["--subnet", "x"], ["--gateway", "10.0.0.1"],
                      ["--subnet", "10.9.0.0/24", "--gateway", "10.9.0.255"], ["--subnet", "192.0.2.0/25"], ["--mtu", "100"],
                      ["--subnet", "10.9.0.0/24", "--subnet", "10.8.0.0/24"], ["--ipv6", "--mtu", "1000"]):
            with self.subTest(flags):
                result = box.run("network", "create", *flags, "odd")
                self.assertIn(result.status, (1, 2), result.text)
                self.assert_proper_error(result)
        for name in ("none", "host", "pasta", "private", "a b", "../x", "container:x"):
            with self.subTest(name):
                self.assertIn(box.run("network", "create", name).status, (1, 2))
        self.assertEqual(box.json("network", "ls"), [])

    def test_of_ipv6_reach_the_world_and_each_other(self):
        box = self.demo()
        server = in_namespace_of(world.pid, lambda: serve(WORLD6, lambda peer: peer.encode(), 7006))
        self.addCleanup(server.close)
        box.ok("network", "create", "--ipv6", "six")
        self.running(box, "web", "-p", "8086:80", network="six", script=ANSWER % "hello")
        four, six = self.network_of(box, "web")["addresses"]
        out = box.ok("run", "--network", "six", "demo", "sh", "-c", f"nc {WORLD6} 7006; echo; nc {six} 80; nc web 80")
        self.assertEqual(out, f"{HOST6}\nhello\nhello\n")
        self.assertEqual(in_namespace_of(world.pid, lambda: ask(HOST6, 8086)), "hello\n")
        self.assertEqual(ask(HOST6, 8086), "hello\n")

    def test_a_subnet_that_this_host_has_is_refused(self):
        box = self.demo()
        box.ok("network", "create", "--subnet", "10.9.8.0/24", "blue")
        sh("ip route add 10.9.8.128/25 dev out0")
        self.addCleanup(sh, "ip route del 10.9.8.128/25")
        self.assertIn("10.9.8.0/24 of network 'blue' overlaps 10.9.8.128/25",
                      box.fails(125, "run", "--network", "blue", "demo", "true"))
        self.assert_nothing_left()


class Walls(Networks):
    def test_networks_do_not_see_each_other(self):
        box = self.demo()
        box.ok("network", "create", "blue")
        self.running(box, "web", "-p", "8080:80", network="blue", script=ANSWER % "hello")
        address = self.address_of(box, "web")
        out = box.ok("run", "--network", "bridge", "demo", "sh", "-c",
                     f"nc -w 2 {address} 80 || echo shut; nc -w 5 {HOST} 8080; cat /etc/hosts")
        self.assertTrue(out.startswith("shut\nhello\n"), out)
        self.assertNotIn("web", out)

    def test_an_internal_network_has_no_way_out(self):
        box = self.demo()
        server = in_namespace_of(world.pid, lambda: serve("0.0.0.0", lambda peer: b"out", 7010))
        self.addCleanup(server.close)
        box.ok("network", "create", "--internal", "inner")
        self.running(box, "web", network="inner", script=ANSWER % "hello")
        out = box.ok("run", "--network", "inner", "--cap-add", "NET_ADMIN", "demo", "sh", "-c",
                     f"nc -w 2 {WORLD} 7010 || echo shut; nc web 80; gateway=$(ip -o -4 addr show eth0 | sed 's/.*inet \\([0-9.]*\\)\\.[0-9]*\\/.*/\\1.1/'); "
                     f"ip route add default via $gateway; nc -w 2 {WORLD} 7010 || echo shut")
        self.assertEqual(out, "shut\nhello\nshut\n")
        self.assertIn("is internal", box.fails(125, "run", "--network", "inner", "-p", "80", "demo", "true"))

    def test_nobody_speaks_with_anothers_address(self):
        box = self.demo()
        box.ok("network", "create", "--ipv6", "six")
        self.running(box, "liar", network="six")
        self.running(box, "victim", network="six")
        liar, victim = self.pid_of(box, "liar"), self.pid_of(box, "victim")
        mine, target = self.address_of(box, "liar"), self.address_of(box, "victim")
        prefix = target.rsplit(".", 1)[0]
        mac = pathlib.Path(f"/proc/{victim}/root/sys/class/net/eth0/address").read_text().strip()
        own_mac = pathlib.Path(f"/proc/{liar}/root/sys/class/net/eth0/address").read_text().strip()
        to, own = bytes.fromhex(mac.replace(":", "")), bytes.fromhex(own_mac.replace(":", ""))

        def frame(source_mac, kind, payload):
            return to + source_mac + struct.pack("!H", kind) + payload

        def udp(source):
            data = b"spoofed"
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0,
                                 socket.inet_aton(source), socket.inet_aton(target))
            total = sum(struct.unpack("!10H", header))
            total = (total & 0xffff) + (total >> 16)
            header = header[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + header[12:]
            return header + struct.pack("!HHHH", 9, 9000, 8 + len(data), 0) + data

        def arp(source):
            return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, own, socket.inet_aton(source), to, socket.inet_aton(target))

        advert = struct.pack("!IHBB", 0x60000000, 16, 58, 255) + socket.inet_pton(socket.AF_INET6, "fe80::1") + \
            socket.inet_pton(socket.AF_INET6, "ff02::1") + bytes([134, 0, 0, 0]) + bytes(12)
        lies = {"another's address": frame(own, 0x0800, udp(f"{prefix}.200")), "another's MAC": frame(b"\x0a\x6c\x01\x02\x03\x04", 0x0800, udp(mine)),
                "another's ARP": frame(own, 0x0806, arp(f"{prefix}.1")), "a tagged frame": frame(own, 0x8100, b"\x00\x01\x08\x00" + udp(f"{prefix}.200")),
                "a router": frame(own, 0x86dd, advert)}

        def receiver():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            raw.bind(("eth0", 0))
            raw.settimeout(0.3)
            return raw

        def send(data):
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind(("eth0", 0))
                raw.send(data)

        raw = in_namespace_of(victim, receiver)
        self.addCleanup(raw.close)

        def arrives(data):
            in_namespace_of(liar, lambda: send(data))
            try:
                while True:
                    if raw.recv(2048)[12:len(data)] == data[12:]:
                        return True
            except TimeoutError:
                return False

        self.assertTrue(arrives(frame(own, 0x0800, udp(mine))))  # the truth does
        for what, data in lies.items():
            with self.subTest(what):
                self.assertFalse(arrives(data))

    def test_the_hosts_loopback_is_the_hosts(self):
        box = self.demo()
        local = serve("127.0.0.1", lambda peer: b"private", 7020, socket.SOCK_DGRAM)
        self.addCleanup(local.close)
        seen = []
        local_seen = serve("127.0.0.2", lambda peer: seen.append(peer) or b"private", 7021, socket.SOCK_DGRAM)
        self.addCleanup(local_seen.close)
        self.running(box, "liar", "-p", "8080:80")
        pid, mine = self.pid_of(box, "liar"), self.address_of(box, "liar")
        link = box.json("network", "inspect", "bridge")[0]["link"]
        host_mac = bytes.fromhex(sh(f"cat /proc/{pid}/root/sys/class/net/eth0/address").strip().replace(":", ""))
        gateway_mac = bytes.fromhex(sh(f"ip -br link show {link}").split()[2].replace(":", ""))

        def frame(destination):
            data = b"hello"
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, socket.inet_aton(mine), socket.inet_aton(destination))
            total = sum(struct.unpack("!10H", header))
            total = (total & 0xffff) + (total >> 16)
            header = header[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + header[12:]
            return gateway_mac + host_mac + b"\x08\x00" + header + struct.pack("!HHHH", 9, 7021, 8 + len(data), 0) + data

        def send(data):
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind(("eth0", 0))
                raw.send(data)

        open_one = serve("0.0.0.0", lambda peer: seen.append("open") or b"", 7021, socket.SOCK_DGRAM)
        self.addCleanup(open_one.close)
        gateway = box.json("network", "inspect", "bridge")[0]["subnets"][0]["gateway"]
        in_namespace_of(pid, lambda: send(frame("127.0.0.2")))
        in_namespace_of(pid, lambda: send(frame(gateway)))
        self.eventually(lambda: seen, "the frame to the gateway")
        self.assertEqual(seen, ["open"])

    def test_an_ordinary_user_is_told_what_he_can_have(self):
        for user in (RANGED, SINGLE):
            box = self.demo(user)
            with self.subTest(user.name):
                errors = box.fails(125, "run", "--network", "bridge", "demo", "true")
                self.assertIn("only root can put containers on a network of this host", errors)
                self.assertIn("hint: '--network pasta'", errors)
        self.assertIn("it is for ordinary users", self.demo().fails(125, "run", "--network", "pasta", "demo", "true"))


class Pasta(Networks):
    def setUp(self):
        super().setUp()
        if not shutil.which("pasta"):
            skip(self, "pasta", "pasta is not installed")
        # As udev leaves it on most machines; here in this process's mount namespace alone.
        node = os.path.join(harness.place.path, "tun")
        if not os.path.exists(node):
            os.mknod(node, 0o20666, os.makedev(10, 200))
            os.chmod(node, 0o666)
        sh(f"mount --bind {node} /dev/net/tun")
        self.addCleanup(sh, "umount --lazy /dev/net/tun")  # a pasta whose container was killed may be about to end

    def test_an_ordinary_users_container_reaches_the_world(self):
        server = in_namespace_of(world.pid, lambda: serve(WORLD, lambda peer: peer.encode(), 7030))
        self.addCleanup(server.close)
        local = serve("127.0.0.1", lambda peer: b"private", 7031)
        self.addCleanup(local.close)
        for user in (RANGED, SINGLE):
            box = self.demo(user)
            with self.subTest(user.name):
                out = box.ok("run", "--network", "pasta", "demo", "sh", "-c",
                             f"(echo; sleep 1) | nc {WORLD} 7030; echo; nc -w 2 127.0.0.1 7031 || echo shut; nc -w 2 {WORLD} 7031 || echo shut; ip -o -4 addr show eth0")
                self.assertTrue(out.startswith(f"{HOST}\nshut\nshut\n"), out)
                self.assertIn(f"inet {HOST}/24", out)
                self.assertEqual(harness.processes_of("--config-net"), [])

    def test_publishes_ports_and_says_so(self):
        box = self.demo(RANGED)
        self.running(box, "web", "-p", "8087:80", "-p", "127.0.0.1:5388:53/udp", network="pasta", script=ANSWER % "hello")
        self.assertEqual(self.network_of(box, "web")["ports"], ["8087->80/tcp", "127.0.0.1:5388->53/udp"])
        self.assertEqual(ask("127.0.0.1", 8087), "hello\n")
        self.assertEqual(in_namespace_of(world.pid, lambda: ask(HOST, 8087)), "hello\n")
        self.assertIn("pasta needs a port of this host", box.fails(2, "run", "--network", "pasta", "-p", "80", "demo", "true"))

    def test_ends_with_a_layerbox_that_is_killed(self):
        box = self.demo(RANGED)
        process = self.running(box, "web", network="pasta")
        self.assertEqual(len(harness.processes_of("--config-net")), 1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.eventually(lambda: not harness.processes_of("--config-net"), "pasta is still there")

    def test_says_what_is_missing(self):
        box = self.demo(RANGED)
        program = os.path.realpath(shutil.which("pasta"))
        sh(f"mount --bind /dev/null {program}")
        try:
            errors = box.fails(125, "run", "--network", "pasta", "demo", "true")
        finally:
            sh(f"umount {program}")
        self.assertIn("pasta is not installed", errors)
        self.assertIn("hint: install the Debian package passt", errors)
        node = os.path.join(harness.place.path, "shut")
        if not os.path.exists(node):
            os.mknod(node, 0o20600, os.makedev(10, 200))
        sh(f"mount --bind {node} /dev/net/tun")
        try:
            errors = box.fails(125, "run", "--network", "pasta", "demo", "true")
        finally:
            sh("umount --lazy /dev/net/tun")
        self.assertIn("network 'pasta': ", errors)
        self.assertIn("hint: pasta needs /dev/net/tun", errors)


if __name__ == "__main__":
    main()
