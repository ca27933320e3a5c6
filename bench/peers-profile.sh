# The gateway as the shared harness runs it beside its peers: sourced by its peers/gateway.sh, which sets HOST, PORT, CHAN and DIR.
# No flood control, as with every peer there; strangers may ping. SALLYPORT: the program.

SALLYPORT=${SALLYPORT:-$(dirname "$BENCH_PROFILE")/../build/sallyport}
NICK=sally COMMAND='!ping {t}' REPLY='pong (\d+)' VERSION="$("$SALLYPORT" --version)"

setup() {
	rm -rf "$DIR"
	mkdir -p "$DIR"
	cat >"$DIR/sallyport.conf" <<-CONF
		name = "sally"
		state = "$DIR/state"
		strangers = { "ping" }
		log = "warning"
		irc "bench" { server = "$HOST" port = $PORT tls = no flood = no answers = "message" }
		room "bench" { places = { "bench/$CHAN" } }
	CONF
}

run() {
	exec "$SALLYPORT" run -c "$DIR/sallyport.conf"
}
