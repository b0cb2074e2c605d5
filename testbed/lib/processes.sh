# shellcheck shell=bash
# Starting and ending processes. Every process of the testbed lives in a cgroup:
# etcd-testbed/host for the control plane, etcd-testbed/NODE for everything on a
# node, the containers' processes included. So "everything on this node" is a
# list that the kernel keeps: nothing is ever ended by its name.

CGROUP_ROOT=/sys/fs/cgroup
CGROUP=etcd-testbed

cgroup_hierarchies() {
    local folder
    for folder in "$CGROUP_ROOT"/*/; do
        folder=${folder%/}
        if [[ ! -L $folder && -e $folder/cgroup.procs ]]; then echo "$folder"; fi
    done
}

cgroup_check() {
    [[ -e $CGROUP_ROOT/freezer/cgroup.procs && -e $CGROUP_ROOT/memory/cgroup.procs ]] ||
        fail "the testbed needs cgroup v1 (or hybrid) hierarchies below $CGROUP_ROOT"
}

# cgroup_create SCOPE: the daemons go into SCOPE/system, so that the kubelet has
# the rest of SCOPE for its pods.
cgroup_create() {
    local hierarchy folder
    while read -r hierarchy; do
        for folder in "$CGROUP" "$CGROUP/$1" "$CGROUP/$1/system"; do
            folder=$hierarchy/$folder
            mkdir -p "$folder"
            if [[ -e $folder/cpuset.cpus && -z $(<"$folder/cpuset.cpus") ]]; then
                cat "$folder/../cpuset.cpus" >"$folder/cpuset.cpus"
                cat "$folder/../cpuset.mems" >"$folder/cpuset.mems"
            fi
        done
    done < <(cgroup_hierarchies)
}

cgroup_join() {
    local hierarchy
    while read -r hierarchy; do
        echo "$BASHPID" >"$hierarchy/$CGROUP/$1/system/cgroup.procs"
    done < <(cgroup_hierarchies)
}

# cgroup_processes [SCOPE]: the ids of all its processes.
cgroup_processes() {
    find "$CGROUP_ROOT/freezer/$CGROUP${1:+/$1}" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}

# cgroup_end [SCOPE]: ends all processes of a scope, or of all, at one instant:
# they are frozen first, so that none sees another one die.
cgroup_end() {
    local folder=$CGROUP_ROOT/freezer/$CGROUP${1:+/$1} pids deadline=$((SECONDS + 20))
    [[ -d $folder ]] || return 0
    echo FROZEN >"$folder/freezer.state"
    # A process in the kernel for long may delay the freezing; go on without it.
    for _ in {1..100}; do
        [[ $(<"$folder/freezer.state") == FROZEN ]] && break
        sleep 0.01
    done
    while :; do
        mapfile -t pids < <(cgroup_processes "${1:-}")
        ((${#pids[@]})) || break
        ((SECONDS < deadline)) || fail "processes that do not end: ${pids[*]}"
        kill -KILL "${pids[@]}" 2>/dev/null || true
        echo THAWED >"$folder/freezer.state"
        sleep 0.02
    done
    echo THAWED >"$folder/freezer.state"
}

# cgroup_remove [SCOPE]: removes the empty folders, the deepest first. The
# kernel may hold one for a moment after its last process has gone.
cgroup_remove() {
    local hierarchy folder deadline=$((SECONDS + 10))
    while read -r hierarchy; do
        folder=$hierarchy/$CGROUP${1:+/$1}
        while [[ -d $folder ]] && ! find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null; do
            ((SECONDS < deadline)) || fail "cannot remove the cgroup $folder"
            sleep 0.1
        done
    done < <(cgroup_hierarchies)
}

# A process is known by its id and its start time: ids are used again. One that
# has ended and waits to be reaped has none.
process_start_time() {
    local fields
    { fields=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    fields=${fields##*) }
    [[ $fields != [ZX]* ]] || return 1
    awk '{ print $20 }' <<<"$fields"
}

# Nobody must wait for a lock or a pipe's end because a daemon still has it open.
close_inherited_files() {
    local file
    for file in "/proc/$BASHPID/fd"/*; do
        file=${file##*/}
        # bash itself uses 255 for the script that it reads.
        if ((file > 2 && file != 255)); then exec {file}>&-; fi
    done
}

# process_start SCOPE NAME LOG COMMAND...: in the background, with its id in
# run/SCOPE/NAME.
process_start() {
    local scope=$1 name=$2 log=$3
    shift 3
    mkdir -p "$STATE/run/$scope" "$(dirname "$log")"
    (
        cgroup_join "$scope"
        exec </dev/null >>"$log" 2>&1
        close_inherited_files
        exec setsid "$@"
    ) &
    echo "$! $(process_start_time $!)" >"$STATE/run/$scope/$name"
}

# process_id SCOPE NAME: prints the id if the process still lives.
process_id() {
    local pid started
    read -r pid started 2>/dev/null <"$STATE/run/$1/$2" || return 1
    [[ $(process_start_time "$pid") == "$started" ]] || return 1
    echo "$pid"
}

process_lives() { process_id "$1" "$2" >/dev/null; }
