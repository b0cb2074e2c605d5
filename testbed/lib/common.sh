# shellcheck shell=bash
# What every command of the testbed shares: where things are, how it speaks,
# and the lock that lets one command run at a time.
# shellcheck disable=SC2034 # other files use what is set here

TESTBED=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROJECT=$(dirname "$TESTBED")
CACHE=${ETCD_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/etcd-operator}/testbed
STATE=${ETCD_OPERATOR_STATE:-/var/lib/etcd-operator-testbed}
LAST_RUN=$STATE.last-run            # the logs of the testbed that was taken down last
NODE_COUNT=${ETCD_OPERATOR_TESTBED_NODES:-3}
KUBECONFIG_ADMIN=$STATE/kubeconfig
MARKER=$STATE/.etcd-operator-testbed  # says that the folder is ours to remove

# The whole machine has one testbed: addresses and ports are fixed.
LOCK=/run/lock/etcd-operator-testbed
LOCK_FD=9

say() { printf '%s\n' "testbed: $*"; }

# fail TEXT [LOG]: one line that says what went wrong and where to look. Its exit
# status tells a caller outside a subshell that it has been said.
SAID=70
fail() {
    printf '%s\n' "testbed: error: $1${2:+; see $2}" >&2
    exit $SAID
}

# Where the step under way writes its log; named when the step fails.
STEP=
STEP_LOG=
STEP_START=
step() {
    step_done
    STEP=$1 STEP_LOG=${2:-} STEP_START=$EPOCHREALTIME
}
step_done() {
    [[ -n $STEP ]] || return 0
    printf 'testbed: %6.1f s  %s\n' "$(seconds_since "$STEP_START")" "$STEP"
    STEP=
}
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'; }

# For trap ERR: a command failed that nobody expected to fail.
report_failure() {
    local status=$?
    ((BASH_SUBSHELL == 0 && status != SAID)) || return "$status"
    printf '%s\n' "testbed: error: ${STEP:+at \"$STEP\": }this failed: $BASH_COMMAND${STEP_LOG:+; see $STEP_LOG}" >&2
}

# wait_for SECONDS WHAT LOG COMMAND...: until the command succeeds.
wait_for() {
    local seconds=$1 what=$2 log=$3 deadline
    shift 3
    deadline=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "$what: not after $seconds s" "$log"
        sleep 0.2
    done
}

require_root() {
    [[ $EUID -eq 0 ]] || fail "network namespaces, mounts and containers need root"
}

# take_lock: waits for other commands of the testbed. The file holds the state
# folder of the testbed that runs.
take_lock() {
    mkdir -p "$(dirname "$LOCK")"
    while :; do
        exec 9>>"$LOCK"
        flock --nonblock "$LOCK_FD" || { say "waiting for another testbed command to end"; flock "$LOCK_FD"; }
        # A finished `down` has removed the file that this one waited for.
        [[ $LOCK -ef /proc/self/fd/$LOCK_FD ]] && break
    done
    local owner
    owner=$(<"$LOCK")
    [[ -z $owner || $owner == "$STATE" ]] || fail "a testbed with its state in $owner runs here: one at a time"
}
claim_machine() { printf '%s\n' "$STATE" >"$LOCK"; }
release_machine() { rm -f "$LOCK"; }

kubectl() { "$STATE/bin/kubectl" --kubeconfig "$KUBECONFIG_ADMIN" --cache-dir "$STATE/cache" "$@"; }
