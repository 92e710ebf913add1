#include "cli/run_flags.hpp"

namespace layerbox {
namespace {

void declare_container(CommandLine& line, RunFlags& flags) {
  line.group("The container");
  line.text("--name", flags.name, "NAME", "name the container, and keep it when it ends");
  line.flag("--keep", flags.keep, "keep the container when it ends");
  line.flag("--rm", flags.remove, "remove the container when it ends, also with --name")
      .excludes("--keep");
  line.text("--rootfs", flags.rootfs, "DIR",
            "run on this directory in place of an image; missing mount points are made in it");
  line.text("--backend", flags.backend, "NAME",
            "how the root file system is made: auto, or one that 'layerbox info' lists");
  line.optional_text("--ephemeral", flags.ephemeral, "SIZE",
                     "what is written lies in memory and goes when the container ends; at most "
                     "half of this machine's memory, or SIZE (512m, 10%)")
      .excludes("--rootfs");
  line.text("--cidfile", flags.cidfile, "FILE", "write the container's id to a new file");
  line.text("--pidfile", flags.pidfile, "FILE",
            "write the process id of the first process to a file");
  line.list("-l,--label", flags.labels, "K=V", "a label that ps and inspect show");
  line.flag("--dry-run", flags.dry_run,
            "print what would be run, and how, as JSON; nothing is made or started");
}

void declare_process(CommandLine& line, RunFlags& flags) {
  line.group("The process");
  line.flag("-i,--interactive", flags.interactive,
            "standard input is the command's; else it reads nothing");
  line.flag("-t,--tty", flags.terminal, "give the command a terminal");
  line.flag("--init", flags.init, "reap orphans and forward signals in a small first process");
  line.list("-e,--env", flags.env, "K=V", "set a variable; K alone takes the value it has here");
  line.list("--env-file", flags.env_files, "FILE", "set the variables of a file, one K=V a line");
  line.text("-w,--workdir", flags.workdir, "DIR", "the command's working directory");
  line.text("-u,--user", flags.user, "USER[:GROUP]", "names or numbers, looked up in the image");
  line.text("--entrypoint", flags.entrypoint, "PROGRAM",
            "in place of the image's entrypoint and command; \"\" for none");
  line.list("--cap-add", flags.cap_add, "CAP", "give a capability, or ALL");
  line.list("--cap-drop", flags.cap_drop, "CAP", "take a capability away, or ALL");
  declare_lifetime_flags(line, flags.lifetime);
  line.text("--restart", flags.restart, "POLICY",
            "of a detached container: no, on-failure[:N] or always, until it is stopped");
  line.list("--log-opt", flags.log_options, "K=V",
            "of a detached container's log: max-size=SIZE (10m) and max-file=N (2)");
  declare_service_flags(line, flags.service);
}

void declare_files(CommandLine& line, RunFlags& flags) {
  line.group("Files");
  line.list("-v,--volume", flags.volumes, "[SRC:]DST[:OPTIONS]",
            "SRC is a path of this machine (ro, rw, O for writes that go away, noidmap, [r]slave, "
            "[r]shared; z and Z are "
            "accepted) or a volume's name (ro, rw, nocopy); without it, a volume that goes with "
            "the container");
  line.list("--mount", flags.mounts, "KEY=VALUE,…",
            "type=bind,source=…,target=…[,readonly][,bind-propagation=…][,bind-recursive=…], "
            "type=volume[,source=NAME],target=…[,readonly][,volume-nocopy] or "
            "type=tmpfs,target=…[,tmpfs-size=…]");
  line.list("--tmpfs", flags.tmpfs, "DST[:OPTIONS]", "an empty file system in memory");
  line.list("--device", flags.devices, "HOST[:INSIDE[:rwm]]",
            "a device node of this machine, to read and write or what is said");
  line.flag("--read-only", flags.read_only, "nothing in the root file system can be written");
  line.size("--shm-size", flags.shm_bytes, "SIZE", "the size of /dev/shm (64m)");
}

void declare_network(CommandLine& line, RunFlags& flags) {
  line.group("Network and namespaces");
  line.text("--network", flags.network, "MODE",
            "none (the default), host, container:NAME or ns:PATH; root: bridge, or a network of "
            "'network create'; everybody: pasta");
  line.list("-p,--publish", flags.published_ports, "[[ADDR:]PORT:]PORT[/udp]",
            "this host's port is the container's; without one of this host's, one that is free; "
            "PORT may be a range");
  line.text("-h,--hostname", flags.hostname, "NAME", "the container's host name");
  line.list("--add-host", flags.add_hosts, "NAME:ADDRESS", "one more line in /etc/hosts");
  line.list("--dns", flags.dns, "ADDRESS", "a name server in /etc/resolv.conf");
  declare_namespace_flags(line, flags.namespaces);
  line.text("--userns", flags.userns, "MODE",
            "auto (ids of its own), host (root inside is root outside), keep-id (your own id is "
            "yours inside), container:NAME or ns:PATH");
  declare_id_map_flags(line, flags.id_maps);
}

} // namespace

void declare_run_flags(CommandLine& line, RunFlags& flags) {
  line.options_end_at_first_operand();
  line.details(
      "IMAGE is a name, an id or a unique beginning of one. Everything after it belongs to the "
      "command; a '--' there is dropped. Without COMMAND the image's own is run; with it, the "
      "image's entrypoint gets it as arguments.\n\n"
      "The container has namespaces of its own, a network with nothing but a loopback, and ids "
      "that mean nothing outside. It leaves nothing behind unless --keep or --name is given.\n\n"
      "A limit that cannot be set here ends the run before the command starts. Without limits no "
      "cgroup is made.\n\n"
      "Landlock rules are a wall beside the others; they add up, and each kind shuts all that it "
      "does "
      "not name. For files: landlock=ro:PATH (read and execute), rw:PATH (write, too), or r:, w: "
      "and "
      "x: each for itself; with one of these everything else inside cannot be read, written or "
      "executed, /dev, /proc and libraries included. landlock=ro:/ leaves the whole container, "
      "read-only. For TCP: landlock=connect:PORT and bind:PORT (0 is a free one), which also take "
      "CAP_NET_RAW away. landlock=scope: no signals and no abstract sockets out of the container. "
      "A "
      "rule that this kernel cannot hold ends the run.\n\n"
      "A signal that layerbox gets is the command's; one that it leaves alone ends it, as it would "
      "outside. Without -t a second ^C within two seconds kills the container.\n\n"
      "With --ephemeral what is written to the root file system is in memory and nowhere else: a "
      "container that is kept loses it when it stops, and begins each start with the image's "
      "files. It counts for -m, and is swapped out where there is swap. Volumes and logs are on "
      "disk as ever. It needs the backend overlay, and Linux 6.6.\n\n"
      "--dry-run prints one JSON object: container (id, name, kept, image, image_id, layers, "
      "backend), spec (what is to be run, with the names of the OCI runtime-spec) and plan (how: "
      "namespaces, cgroups, clones of host trees, and every step of the container's first process "
      "in its order). It holds the values of all variables. The id and, for root, the range of ids "
      "are made up for each call. What would refuse the run before anything is made refuses the "
      "dry run with the same status.");
  declare_container(line, flags);
  declare_process(line, flags);
  declare_security_flags(line, flags.security);
  declare_files(line, flags);
  declare_limits(line, flags.limits);
  declare_network(line, flags);
  line.operands("IMAGE [COMMAND [ARG…]]", flags.operands, Arity::any_number,
                "the image, and what to run in it");
  line.example("layerbox run debian:12 ls -l /", "run one command and forget the container");
  line.example("layerbox run -it debian:12 bash", "work in a shell on this terminal");
  line.example("layerbox run --ephemeral=2g -v ./src:/src:ro gcc make -C /src O=/tmp",
               "let it write to memory, 2 GiB at most");
  line.example("layerbox run -v ./src:/src:ro -w /src gcc make -n", "see a directory, read-only");
  line.example("layerbox run -v cache:/root/.cache gcc make",
               "keep a directory between containers");
  line.example(
      "layerbox run --security-opt landlock=ro:/ --security-opt landlock=rw:/tmp debian:12 sh",
      "nothing but /tmp can be written");
  line.example("layerbox run -m 512m --cpus 1.5 --pids-limit 200 gcc make",
               "no more than this much of the machine");
  line.example("layerbox run --timeout 60 gcc make check", "for a minute at most");
  line.example("layerbox run --dry-run -m 512m gcc make | jq .spec.cgroups",
               "see where a limit would be set");
  line.example("layerbox run --name build --network host debian:12 apt-get update",
               "keep the container; 'layerbox rm build' removes it");
}

} // namespace layerbox
