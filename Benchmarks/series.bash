# The series of scripts/bench, which sources this: each runs its load against servers that are there, or starts those it needs.

# compare_at POINTS SERIES WORDS_OF SIDE...: at each point of an array the sides in pairs; WORDS_OF is a function that sets
# `words` for a side, connections and a depth.
compare_at() {
    local -n at=$1
    local series=$2 words_of=$3 point connections depth pair side
    shift 3
    for point in "${at[@]}"; do
        read -r connections depth <<<"$point"
        for ((pair = 1; pair <= pairs; pair++)); do
            for side in $(order "$pair" "$@"); do
                "$words_of" "$side" "$connections" "$depth"
                run "$series" "$side" "$pair" "${words[@]}"
            done
        done
    done
}

compare_with_limit() { compare_at points limit load_of "${sides[@]}"; }

# compare_with_grpc SERIES SERVER CLIENT: the program of each, in words of the shell.
compare_with_grpc() {
    local series=$1 server client depth pair side
    read -ra server <<<"$2"
    read -ra client <<<"$3"
    start grpc "${server[@]}" --cert "$work/server.pem" --key "$work/server.key" --ca "$work/ca.pem" \
        --device "$(<"$work/terminal")"
    for depth in "${grpc_depths[@]}"; do
        for ((pair = 1; pair <= pairs; pair++)); do
            for side in $(order "$pair" grpc gateway); do
                if [[ $side == gateway ]]; then
                    load_of gateway 1 "$depth"
                    words+=(--device terminal --code "$tiocgwinsz" --reply "$winsize_bytes")
                else
                    words=("${client[@]}" --port "$(<"$work/grpc.port")" --cert "$work/client.pem"
                        --key "$work/client.key" --ca "$work/ca.pem" --depth "$depth" --seconds "$seconds")
                fi
                run "$series" "$side" "$pair" "${words[@]}"
            done
        done
    done
    end_process "${server_of[grpc]}"
    unset "server_of[grpc]"
}

# The gateway, a daemon that takes one request at a time, and ssh with a master connection: one ioctl a call, one
# call after the other.
no_ssh=
compare_one_by_one() {
    local pair side others=(request ssh) status=0
    local ssh=(python3 Benchmarks/alternatives/ssh_calls.py --folder "$work/ssh" --device "$(<"$work/terminal")"
        --tool Benchmarks/alternatives/build/ioctl-tool --seconds)
    start request Benchmarks/alternatives/build/request-server "$(<"$work/terminal")"
    no_ssh=$("${ssh[@]}" 0.1) || status=$?
    if ((status == 0)); then no_ssh=; else others=(request); fi
    for ((pair = 1; pair <= pairs; pair++)); do
        for side in $(order "$pair" gateway "${others[@]}"); do
            case $side in
            gateway)
                load_of gateway 1 1
                words+=(--device terminal --code "$tiocgwinsz" --reply "$winsize_bytes")
                ;;
            request)
                words=(Benchmarks/alternatives/build/request-client "$(<"$work/request.port")" "$seconds")
                ;;
            ssh) words=("${ssh[@]}" "$seconds") ;;
            esac
            run one "$side" "$pair" "${words[@]}"
        done
    done
    end_process "${server_of[request]}"
    unset "server_of[request]"
}

# The Swift client beside the load generator in C, with the same gateway; once more with its tasks on the connection's executor.
compare_clients() { compare_at client_points clients client_words gateway client on-loop; }
client_words() {
    load_of gateway "$2" "$3"
    case $1 in
    client) words=("$client_bench" load "${words[@]:1}") ;;
    on-loop) words=("$client_bench" load "${words[@]:1}" --executor connection) ;;
    esac
}

# ioctl(2) on the worker of a device, beside a local thread that does the same, with both processors for its two threads and with
# the server's alone, and beside a command that needs no worker.
compare_workers() {
    local point connections depth pair side
    for point in "${worker_points[@]}"; do
        read -r connections depth <<<"$point"
        for ((pair = 1; pair <= pairs; pair++)); do
            for side in $(order "$pair" gateway ring pool pool-on-one); do
                load_of gateway "$connections" "$depth"
                case $side in
                gateway) words+=(--device terminal --code "$tiocgwinsz" --reply "$winsize_bytes") ;;
                pool) words=("${pin_both[@]}" Benchmarks/local/build/local pool "$seconds" "$depth") ;;
                pool-on-one) words=("${pin_server[@]}" Benchmarks/local/build/local pool "$seconds" "$depth") ;;
                esac
                run "workers ${connections}x$depth" "$side" "$pair" "${words[@]}"
            done
        done
    done
}

# Commands that are on the disk as intents before they run, beside the same without a record.
compare_recorded() {
    compare_at recorded_points recorded recorded_words gateway recorded
    df --output=fstype "$work" | tail -n 1 >"$work/filesystem"
}
recorded_words() {
    load_of gateway "$2" "$3"
    if [[ $1 == recorded ]]; then words+=(--code 1); fi
}

# Reads of a file in the page cache, beside what one processor can encrypt.
measure_payloads() {
    local pair size
    for ((pair = 1; pair <= pairs; pair++)); do
        # Without a payload: the command that the other series run.
        load_of gateway 1 2
        run payload 0 "$pair" "${words[@]}"
        for size in 512 4096 65536 1048576; do
            load_of gateway 1 2
            words+=(--device file --read "$size")
            run payload "$size" "$pair" "${words[@]}"
        done
        "${pin_server[@]}" openssl speed -evp aes-256-gcm -bytes 16384 -seconds 1 -mr 2>/dev/null >>"$work/cipher"
    done
}

# Opening a device by way of the process that does so, beside a gateway that opens it itself.
compare_opens() {
    local pair side
    { sed "s|^audit: .*|audit: \"$work/audit-itself\"|" "$work/gateway.yaml"; echo "sandbox: off"; } >"$work/itself.yaml"
    start itself "$gateway" --config "$work/itself.yaml"
    for ((pair = 1; pair <= pairs; pair++)); do
        for side in $(order "$pair" gateway itself); do
            run opens "$side" "$pair" "$client_bench" opens --port "$(<"$work/$side.port")" --cert "$work/client.pem" \
                --key "$work/client.key" --ca "$work/ca.pem" --connections 1 --depth 1 --seconds "$seconds"
        done
    done
    end_process "${server_of[itself]}"
    unset "server_of[itself]"
}

# A device with a process of its own, beside one that the gateway operates.
compare_apart() {
    sed 's|profile: "null"}|profile: "null", process: own}|' "$work/policy.yaml" >"$work/apart-policy.yaml"
    sed "s|^audit: .*|audit: \"$work/audit-apart\"|; s|policy.yaml|apart-policy.yaml|" "$work/gateway.yaml" >"$work/apart.yaml"
    start apart "$gateway" --config "$work/apart.yaml"
    compare_at apart_points apart load_of gateway apart
    end_process "${server_of[apart]}"
    unset "server_of[apart]"
}

measure_footprint() {
    python3 Benchmarks/footprint.py --limit "${pin_server[*]} $limit_build/limit-server --cert $work/server.pem \
            --key $work/server.key --ca $work/ca.pem" --cert "$work/client.pem" --key "$work/client.key" \
        --ca "$work/ca.pem" --load "${pin_load[*]} $limit_build/loadgen --cert $work/client.pem --key $work/client.key --ca $work/ca.pem \
            --connections 10 --depth 32 --seconds $seconds" \
        -- "${pin_server[@]}" "$gateway" --config "$work/gateway.yaml"
}

# Where the samples of a server fall while it is under load.
measure_shares() {
    local point connections depth side
    if ! command -v perf >/dev/null; then
        echo "scripts/bench: --shares needs perf (Debian: linux-perf)" >&2
        exit 1
    fi
    for point in "1 256" "16 256"; do
        read -r connections depth <<<"$point"
        for side in "${sides[@]}"; do
            perf record -q -F 5000 -e cpu-clock -o "$work/perf" -p "${server_of[$side]}" -- sleep 3 2>/dev/null &
            local perf=$!
            load_of "$side" "$connections" "$depth"
            words+=(--seconds 4)
            run shares "$side" 1 "${words[@]}"
            wait "$perf"
            perf report -i "$work/perf" --no-children --stdio -q -F overhead,dso,symbol -t '|' 2>/dev/null \
                >"$work/shares-$side-${connections}x$depth"
        done
    done
    python3 Benchmarks/shares.py --placement "$placement" "$work"
}
