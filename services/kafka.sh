#!/usr/bin/env bash
# A real Apache Kafka for tests and trials: one broker in KRaft mode (no ZooKeeper), on 127.0.0.1 only.
#
#   services/kafka.sh start [--dir DIR] [--port PORT] [--while PID]   starts it, waits until it answers, prints how to reach it
#   services/kafka.sh stop  [--dir DIR] [--now]                       ends it in good order; --now as a power cut would (SIGKILL)
#   services/kafka.sh status [--dir DIR]                              says whether it runs; code 0 if it does, 3 if not
#   services/kafka.sh env   [--dir DIR]                               prints KAFKA_BOOTSTRAP=127.0.0.1:PORT and the like again
#   services/kafka.sh install                                         only fetches Kafka
#
# DIR keeps the data and the settings, so that `stop` and `start` continue where the broker was, on the same ports. With --while it ends by
# itself when the process PID does, and DIR is removed. KAFKA_VERSION chooses the version (3.9.x and 4.x are tried), KAFKA_HEAP its memory, KAFKA_PROPERTIES
# more lines of server.properties, separated by `;`. KAFKA_SECURE=1 adds a second listener with TLS and SASL (PLAIN and SCRAM-SHA-256; user
# `tidemill`, password `tidemill-secret`), printed as KAFKA_SECURE_BOOTSTRAP and KAFKA_CA.
#
# Needs Java 17 or newer and Maven (apt-get install default-jre-headless maven). Kafka comes from Maven Central, once, into
# ~/.cache/tidemill/services.
set -euo pipefail

version="${KAFKA_VERSION:-4.1.1}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/services"
jars="$cache/kafka-$version"
user=tidemill password=tidemill-secret

fail() { printf 'kafka.sh: %s\n' "$1" >&2; exit 1; }

command="${1:-}"
[ $# -gt 0 ] && shift
dir="$cache/data/kafka" port="" while_pid="" now=""
while [ $# -gt 0 ]; do
    case "$1" in
        --dir) dir="$2"; shift 2 ;;
        --port) port="$2"; shift 2 ;;
        --while) while_pid="$2"; shift 2 ;;
        --now) now=1; shift ;;
        *) fail "unknown option $1; see the beginning of this file" ;;
    esac
done

install_kafka() {
    [ -f "$jars/complete" ] && return
    command -v java >/dev/null 2>&1 || fail "needs Java 17 or newer: apt-get install default-jre-headless"
    command -v mvn >/dev/null 2>&1 || fail "needs Maven: apt-get install maven"
    mkdir -p "$cache"
    (
        # Two processes may want it at once; the second waits and finds it there.
        flock 9
        [ -f "$jars/complete" ] && exit 0
        local work
        work="$(mktemp -d "$cache/fetch.XXXXXX")"
        cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-service</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
  <build><plugins><plugin>
    <groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.6.1</version>
  </plugin></plugins></build>
</project>
POM
        mvn -q -B -ntp -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/libs" >"$work/log" 2>&1 \
            || { tail -20 "$work/log" >&2; rm -rf "$work"; fail "Kafka $version could not be fetched from Maven Central"; }
        # Other ways of logging that come along would be found first.
        rm -f "$work"/libs/slf4j-reload4j-*.jar "$work"/libs/log4j-slf4j*-impl-*.jar "$work"/libs/logback-classic-*.jar
        rm -rf "$jars"
        mv "$work/libs" "$jars"
        touch "$jars/complete"
        rm -rf "$work"
    ) 9>"$cache/.lock-kafka-$version"
    [ -f "$jars/complete" ] || exit 1
}

# The broker's process, if it is this directory's.
running() {
    local pid
    pid="$(cat "$dir/pid" 2>/dev/null)" || return 1
    [ -n "$pid" ] && grep -aqF -- "-Dtidemill.service=$dir/" "/proc/$pid/cmdline" 2>/dev/null || return 1
    printf '%s' "$pid"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
    local candidate
    for _ in $(seq 200); do
        candidate=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        answers "$candidate" || { printf '%s' "$candidate"; return; }
    done
    fail "no free port found"
}

# Sets `java` to the command line that Java is started with, so that what runs in the background is Java itself.
java_line() {
    java=(java "-Xmx${KAFKA_HEAP:-512m}" -Xms128m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Djava.awt.headless=true
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=${KAFKA_LOG_LEVEL:-warn}" -Dorg.slf4j.simpleLogger.showDateTime=true
        -Dorg.slf4j.simpleLogger.log.kafka.server=info "-Dtidemill.service=$dir/" -cp "$jars/*")
}

settings() {
    local bootstrap="$1" controller="$2" secure="$3"
    cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listeners=PLAIN://127.0.0.1:$bootstrap,CONTROLLER://127.0.0.1:$controller${secure:+,SECURE://127.0.0.1:$secure}
advertised.listeners=PLAIN://127.0.0.1:$bootstrap${secure:+,SECURE://127.0.0.1:$secure}
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT${secure:+,SECURE:SASL_SSL}
log.dirs=$dir/log
auto.create.topics.enable=false
num.partitions=1
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=4194304
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
    case "$version" in
        3.*) ;;
        *) printf 'share.coordinator.state.topic.num.partitions=1\nshare.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n' ;;
    esac
    if [ -n "$secure" ]; then
        cat <<PROPERTIES
ssl.keystore.location=$dir/tls/broker.p12
ssl.keystore.type=PKCS12
ssl.keystore.password=$password
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$user="$password";
listener.name.secure.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
PROPERTIES
    fi
    printf '%s\n' "${KAFKA_PROPERTIES:-}" | tr ';' '\n'
}

# A new directory: ports, settings, formatted storage.
prepare() {
    local controller secure=""
    mkdir -p "$dir/log"
    [ -n "$port" ] || port="$(free_port)"
    controller="$(free_port)"
    local scram=()
    if [ -n "${KAFKA_SECURE:-}" ]; then
        secure="$(free_port)"
        mkdir -p "$dir/tls"
        keytool -genkeypair -alias broker -keyalg EC -groupname secp256r1 -dname CN=127.0.0.1 -ext SAN=IP:127.0.0.1,DNS:localhost -validity 3650 \
            -storetype PKCS12 -keystore "$dir/tls/broker.p12" -storepass "$password" >/dev/null 2>&1
        keytool -exportcert -rfc -alias broker -keystore "$dir/tls/broker.p12" -storepass "$password" 2>/dev/null >"$dir/tls/ca.pem"
        scram=(--add-scram "SCRAM-SHA-256=[name=$user,password=$password]")
    fi
    settings "$port" "$controller" "$secure" >"$dir/server.properties"
    java_line
    # A cluster's id is 16 bytes; one that begins with a minus would be taken for an option.
    "${java[@]}" kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/T/')" \
        -c "$dir/server.properties" "${scram[@]}" >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; fail "the storage could not be formatted"; }
    {
        printf 'KAFKA_BOOTSTRAP=127.0.0.1:%s\nKAFKA_VERSION=%s\n' "$port" "$version"
        if [ -n "$secure" ]; then printf 'KAFKA_SECURE_BOOTSTRAP=127.0.0.1:%s\nKAFKA_CA=%s\n' "$secure" "$dir/tls/ca.pem"; fi
    } >"$dir/env"
}

case "$command" in
    install)
        install_kafka
        ;;
    start)
        mkdir -p "$dir"
        dir="$(cd "$dir" && pwd)"
        if running >/dev/null; then cat "$dir/env"; exit 0; fi
        if [ -f "$dir/env" ]; then
            version="$(sed -n 's/^KAFKA_VERSION=//p' "$dir/env")"
            jars="$cache/kafka-$version"
        fi
        install_kafka
        [ -f "$dir/env" ] || prepare
        port="$(sed -n 's/^KAFKA_BOOTSTRAP=127.0.0.1://p' "$dir/env")"
        : >"$dir/broker.log"
        java_line
        "${java[@]}" kafka.Kafka "$dir/server.properties" >>"$dir/broker.log" 2>&1 </dev/null &
        pid=$!
        printf '%s' "$pid" >"$dir/pid"
        if [ -n "$while_pid" ]; then
            (
                while kill -0 "$while_pid" 2>/dev/null && kill -0 "$pid" 2>/dev/null; do sleep 1; done
                kill -0 "$while_pid" 2>/dev/null && exit 0
                kill -9 "$pid" 2>/dev/null || true
                rm -rf "$dir"
            ) >/dev/null 2>&1 </dev/null &
        fi
        for _ in $(seq 1800); do
            if grep -q 'Kafka Server started' "$dir/broker.log" && answers "$port"; then
                cat "$dir/env"
                exit 0
            fi
            kill -0 "$pid" 2>/dev/null || { tail -30 "$dir/broker.log" >&2; fail "the broker ended"; }
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
        tail -30 "$dir/broker.log" >&2
        fail "the broker did not answer within 180 s"
        ;;
    stop)
        dir="$(cd "$dir" 2>/dev/null && pwd)" || exit 0
        pid="$(running)" || exit 0
        if [ -n "$now" ]; then kill -9 "$pid"; else kill "$pid"; fi
        for _ in $(seq 200); do
            running >/dev/null || exit 0
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
        ;;
    status)
        dir="$(cd "$dir" 2>/dev/null && pwd)" || { printf 'not running\n'; exit 3; }
        if pid="$(running)"; then printf 'running, process %s\n' "$pid"; cat "$dir/env"; else printf 'not running\n'; exit 3; fi
        ;;
    env)
        cat "$dir/env" 2>/dev/null || fail "no broker was started in $dir"
        ;;
    *)
        sed -n '2,16s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
esac
