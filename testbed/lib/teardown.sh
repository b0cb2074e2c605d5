# shellcheck shell=bash
# Taking everything down, in whatever state it is.

# teardown: ends all processes, removes what was made and keeps the logs.
teardown() {
    cgroup_end
    network_remove
    cgroup_remove
    take_back_folders
    teardown_keep_logs
    [[ -e $MARKER ]] && rm -rf "$STATE"
    return 0
}

teardown_keep_logs() {
    local node
    [[ -e $MARKER ]] || return 0
    rm -rf "$LAST_RUN"
    mkdir -p "$LAST_RUN"
    if [[ -d $STATE/log ]]; then mv "$STATE/log" "$LAST_RUN/host"; fi
    if [[ -d $STATE/audit ]]; then mv "$STATE/audit" "$LAST_RUN/audit"; fi
    for node in $(known_nodes); do
        if [[ ! -d $STATE/nodes/$node/log ]]; then continue; fi
        rm -rf "$STATE/nodes/$node/log/containers" # links to the logs below pods/
        mv "$STATE/nodes/$node/log" "$LAST_RUN/$node"
    done
}

# leftovers: one line for each thing that should have gone.
leftovers() {
    local hierarchy
    while read -r hierarchy; do
        if [[ -d $hierarchy/$CGROUP ]]; then echo "cgroup $hierarchy/$CGROUP"; fi
    done < <(cgroup_hierarchies)
    if [[ -e $STATE ]]; then echo "folder $STATE"; fi
    if ip link show "$BRIDGE" >/dev/null 2>&1; then echo "link $BRIDGE"; fi
    ip -o link show type veth | awk -F'[ :@]+' '$2 ~ /^ve-n[0-9]/ { print "link " $2 }'
    awk -v state="$STATE/" 'index($5, state) == 1 { print "mount " $5 }' /proc/self/mountinfo
    if nft list tables 2>/dev/null | grep -q ' kube-proxy$'; then echo "nftables table kube-proxy"; fi
    ip route show | awk '$1 ~ /^10\.244\./ { print "route " $1 }'
}
