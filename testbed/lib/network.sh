# shellcheck shell=bash
# One bridge on the host; each node hangs on it by a veth and routes its own
# range of pod addresses.
# shellcheck disable=SC2034 # other files use what is set here

BRIDGE=etb0
HOST_ADDRESS=10.200.0.1
SERVICE_RANGE=10.96.0.0/16
SERVICE_ADDRESS=10.96.0.1           # of the API server, inside the cluster
DNS_ADDRESS=10.96.0.10
POD_RANGE=10.244.0.0/16

node_number() { echo "${1#n}"; }
node_address() { echo "10.200.0.$((10 + $(node_number "$1")))"; }
node_pods() { echo "10.244.$(node_number "$1").0/24"; }
node_link() { echo "ve-$1"; }

network_create() {
    cat /proc/sys/net/ipv4/ip_forward >"$STATE/ip_forward.before"
    ip link add "$BRIDGE" address 02:e7:cd:00:00:01 type bridge
    ip address add "$HOST_ADDRESS/24" dev "$BRIDGE"
    ip link set "$BRIDGE" up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    # A pod's packet to another node comes and leaves by the bridge; without
    # this the host would tell its sender of a shorter way.
    echo 0 >"/proc/sys/net/ipv4/conf/$BRIDGE/send_redirects"
}

network_remove() {
    local link
    for link in $(network_links); do
        ip link delete "$link" 2>/dev/null || true
    done
    if ip link show "$BRIDGE" >/dev/null 2>&1; then ip link delete "$BRIDGE"; fi
    # What the host's kube-proxy made.
    if command -v nft >/dev/null; then
        nft delete table ip kube-proxy 2>/dev/null || true
        nft delete table ip6 kube-proxy 2>/dev/null || true
    fi
    if [[ -s $STATE/ip_forward.before ]]; then
        cat "$STATE/ip_forward.before" >/proc/sys/net/ipv4/ip_forward
    fi
}

network_links() {
    ip -o link show master "$BRIDGE" 2>/dev/null | awk -F'[ :@]+' '{ print $2 }'
}

# network_attach NODE PID: a link into the network namespace of that process.
# The hardware address stays the same over restarts, so that neighbours need
# not learn it anew.
network_attach() {
    local node=$1 pid=$2 link number
    link=$(node_link "$node")
    number=$(node_number "$node")
    ip link delete "$link" 2>/dev/null || true
    ip link add "$link" type veth peer name eth0 address "$(printf '02:e7:cd:00:01:%02x' "$number")" netns "$pid"
    ip link set "$link" master "$BRIDGE" up
    nsenter --target "$pid" --net -- sh -euc "
        ip link set lo up
        ip address add $(node_address "$node")/24 dev eth0
        ip link set eth0 up
        ip route add default via $HOST_ADDRESS
        echo 1 >/proc/sys/net/ipv4/ip_forward"
    network_route "$node"
}

network_route() {
    ip route replace "$(node_pods "$1")" via "$(node_address "$1")" dev "$BRIDGE"
}

network_detach() {
    ip link delete "$(node_link "$1")" 2>/dev/null || true
    ip route delete "$(node_pods "$1")" 2>/dev/null || true
}

network_partition() { ip link set "$(node_link "$1")" down; }

network_heal() {
    ip link set "$(node_link "$1")" up
    network_route "$1"
}

network_is_up() {
    local flags
    flags=$(cat "/sys/class/net/$(node_link "$1")/flags" 2>/dev/null) || return 1
    ((flags & 1)) # IFF_UP
}
