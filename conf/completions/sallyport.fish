# fish completion for sallyport. What commands, options and names there are, it asks the program that is typed.

function __sallyport_ask
	set -l typed (commandline -opc)
	set -l program (string replace -r '^~/' $HOME/ -- (string unescape -- $typed[1]))
	command $program $argv 2>/dev/null
end

function __sallyport_commands
	__sallyport_ask help | string replace -rf '^  ([a-z][a-z-]*).*?  +([^ ].*)$' '$1\t$2'
end

function __sallyport_usage
	set -l typed (commandline -opc)
	__sallyport_ask help | string replace -rf '^  '$typed[2]'((?: [^ ]+)*)  +.*$' '$1'
end

# What stands in small letters is typed as it is; a FILE or a folder is one.
function __sallyport_choices
	__sallyport_usage | string replace -ra '[][|()]' ' ' | string split -n ' ' | string match -r '^(?!-c$)[a-z-].*'
end

function __sallyport_takes_file
	__sallyport_usage | string replace -- '-c FILE' '' | string match -qr 'FILE|FOLDER|TARGET|SOURCE'
end

function __sallyport_audit
	set -l typed (commandline -opc)
	test (count $typed) -gt 2; and test "$typed[2] $typed[3]" = "audit $argv[1]"
end

function __sallyport_hooks
	set -l typed (commandline -opc)
	test (count $typed) -gt 2; and test "$typed[2] $typed[3]" = "hooks $argv[1]"
end

function __sallyport_typed
	set -l typed (commandline -opc)
	test (count $typed) -gt 1
end

complete -c sallyport -f
complete -c sallyport -n 'not __sallyport_typed' -a '(__sallyport_commands)'
complete -c sallyport -n '__sallyport_typed; and not __fish_seen_subcommand_from manual help version' -s c -r -F -d 'the configuration'
complete -c sallyport -n '__sallyport_typed; and not __fish_seen_subcommand_from manual help version list archive verify export checkpoint replay test try' -a '(__sallyport_choices)'
complete -c sallyport -n '__sallyport_typed; and __sallyport_takes_file' -F
complete -c sallyport -n '__fish_seen_subcommand_from manual' -a '(__sallyport_ask manual --names)'
for option in person room instance result id since until limit
	complete -c sallyport -n '__sallyport_audit list' -l $option -x
end
complete -c sallyport -n '__sallyport_audit archive' -l before -x
complete -c sallyport -n '__sallyport_audit list' -l json
complete -c sallyport -n '__sallyport_audit list' -l csv
complete -c sallyport -n '__sallyport_audit verify' -l key -r -F
complete -c sallyport -n '__sallyport_audit verify' -l checkpoint -r -F
complete -c sallyport -n '__sallyport_hooks list' -l limit -x
complete -c sallyport -n '__sallyport_hooks try' -F
complete -c sallyport -n '__sallyport_audit archive; or __sallyport_audit verify; or __sallyport_audit export' -F
