# Daemons of the peers, for bench/peers.sh and bench/rootfs.sh, which source it: sockets, state and logs are in $work. Whoever begins one ends
# it; end_daemon ends the last, end_daemons all.
daemons=()

begin_containerd() { # ROOT; sets `ctr`
  printf 'version = 2\nroot = "%s"\nstate = "%s"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "%s"\n' \
    "$1" "$work/containerd-run" "$work/containerd.sock" >"$work/containerd.toml"
  containerd -c "$work/containerd.toml" >"$work/containerd.log" 2>&1 &
  daemons+=($!)
  local i
  for ((i = 0; i < 50; ++i)); do [ -S "$work/containerd.sock" ] && break || sleep 0.1; done
  ctr=(ctr -a "$work/containerd.sock")
}

begin_docker() { # ROOT; sets `docker`
  dockerd --iptables=false --ip6tables=false --bridge=none --data-root "$1" --exec-root "$work/docker-run" \
    -H "unix://$work/docker.sock" --pidfile "$work/docker.pid" --storage-driver overlay2 >"$work/docker.log" 2>&1 &
  daemons+=($!)
  docker=(docker -H "unix://$work/docker.sock")
  local i
  for ((i = 0; i < 150; ++i)); do "${docker[@]}" version >/dev/null 2>&1 && break || sleep 0.1; done
}

end_daemon() {
  kill "${daemons[-1]}" 2>/dev/null || true
  wait "${daemons[-1]}" 2>/dev/null || true
  unset 'daemons[-1]'
}

end_daemons() { while [ ${#daemons[@]} -gt 0 ]; do end_daemon; done; }
