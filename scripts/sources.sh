# sources.sh: third-party sources from Debian's pool, each known by its checksum.
# Sourced after lib.sh and apt.sh.

# The base addresses of the Debian mirrors this machine is configured for.
mirrors()
{
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | sort -u
}

# fetch_source FILE POOL-PATH SHA256
fetch_source()
{
    local file=$DEPS/$1 base
    sha256_is "$file" "$3" && return
    [ -n "$(mirrors)" ] || apt_update
    say "fetching $1"
    for base in $(mirrors); do
        # apt's own downloader: it knows the machine's proxies and mirror methods.
        /usr/lib/apt/apt-helper -q download-file "${base%/}/$2" "$file.part" "SHA256:$3" \
            >>"$DEPS/fetch.log" 2>&1 || continue
        if sha256_is "$file.part" "$3"; then
            mv "$file.part" "$file"
            return
        fi
    done
    die "no configured mirror has $1 with the expected checksum (see $DEPS/fetch.log)"
}
