# shellcheck shell=bash
# The proxies that are measured. Each has a function that writes its configuration to a private folder and starts it:
#
#   start_NAME PORT LOG    LOG is `off`, or the file of the access log; sets `pid`
#
# All are sticky over the same members, keep connections alive on both sides, and add X-Forwarded-For. They are tuned the
# way their manuals say, for as many cores as they get. The caller sets `folder` (for files), `ajp` and `http` (the ports of
# the members), `packet_size`, `cores`, `proxy_cores`, `tls`, `setup`, `sendfile` and, for setups named files, `static` (a
# directory with files). With TLS all have the certificate of `certificate`, take TLS 1.2 and 1.3, and offer HTTP/2; with
# `prior_knowledge` ajpgate takes HTTP/2 without TLS.
#
# shellcheck disable=SC2154 # lib.sh and run.sh set the rest

# start_ajpgate NAME BINARY PORT LOG: runs it under the program in `under`, if that is set. With a NAME that ends in -http
# its members speak HTTP, as those of HAProxy and nginx do. `admin` is the port of its admin listener.
under=()
start_ajpgate() {
    local name=$1 binary=$2 port=$3 log=$4 file=$folder/$1.yaml format=combined member
    [[ $log == off ]] && format=off log=stdout
    admin=$(free_port)
    {
        cat <<YAML
listeners:
  - bind: 127.0.0.1:$port
YAML
        [[ $tls == off ]] || echo "    tls: { certificate: \"$certificate.crt\", private_key: \"$certificate.key\" }"
        [[ ${prior_knowledge-off} == off ]] || echo "    http2: true"
        cat <<YAML
limits: { max_connections: 20000 }
access_log: { path: "$log", format: $format }
admin: { bind: "127.0.0.1:$admin" }
log: { level: warn }
proxy_pass:
YAML
        [[ ${setup-} != files* ]] || echo "  - { path: /static, files: \"$static\" }"
        cat <<YAML
  - { path: /, to: "balancer://tomcats/" }
balancers:
  tomcats:
    stickysession: JSESSIONID|jsessionid
    members:
YAML
        for member in "${!ajp[@]}"; do
            case $name in
                *-http) echo "      - { route: node$((member + 1)), url: \"http://127.0.0.1:${http[member]}\" }" ;;
                *) echo "      - { route: node$((member + 1)), url: \"ajp://127.0.0.1:${ajp[member]}\", packet_size: $packet_size }" ;;
            esac
        done
    } >"$file"
    on "$proxy_cores" "$name" "${under[@]}" "$binary" run -c "$file"
}

# One process: on one core it costs httpd less than two.
httpd_common() {
    local port=$1 log=$2
    cat <<CONF
ServerRoot $folder
ServerName localhost
Listen 127.0.0.1:$port
PidFile $folder/$3.pid
DefaultRuntimeDir $folder
User www-data
Group www-data
ErrorLog $folder/$3.error
LogLevel error
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
ServerLimit $cores
StartServers $cores
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers $((128 * cores))
MinSpareThreads 1
MaxSpareThreads $((128 * cores))
AsyncRequestWorkerFactor 20
KeepAlive On
KeepAliveTimeout 75
MaxKeepAliveRequests 0
Timeout 60
CONF
    if [[ $tls != off ]]; then
        cat <<CONF
LoadModule ssl_module $modules/mod_ssl.so
LoadModule http2_module $modules/mod_http2.so
SSLEngine on
SSLProtocol TLSv1.2 TLSv1.3
SSLCertificateFile $certificate.crt
SSLCertificateKeyFile $certificate.key
Protocols h2 http/1.1
CONF
    fi
    if [[ $log != off ]]; then
        # shellcheck disable=SC2016
        printf 'LogFormat "%s" combined\nCustomLog %s combined\n' \
            '%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"' "$log"
    fi
}

start_mod_proxy_ajp() {
    local file=$folder/mod_proxy_ajp.conf
    httpd_common "$1" "$2" mod_proxy_ajp >"$file"
    cat >>"$file" <<CONF
LoadModule slotmem_shm_module $modules/mod_slotmem_shm.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_balancer_module $modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module $modules/mod_lbmethod_byrequests.so
LoadModule proxy_ajp_module $modules/mod_proxy_ajp.so
ProxyIOBufferSize $packet_size
<Proxy balancer://tomcats>
    BalancerMember ajp://127.0.0.1:${ajp[0]} route=node1 max=128
    BalancerMember ajp://127.0.0.1:${ajp[1]} route=node2 max=128
    ProxySet stickysession=JSESSIONID|jsessionid
</Proxy>
ProxyPass / balancer://tomcats/
CONF
    on "$proxy_cores" mod_proxy_ajp apache2 -D FOREGROUND -f "$file"
}

start_mod_jk() {
    local file=$folder/mod_jk.conf
    httpd_common "$1" "$2" mod_jk >"$file"
    cat >>"$file" <<CONF
LoadModule jk_module $modules/mod_jk.so
JkWorkersFile $folder/workers.properties
JkShmFile $folder/mod_jk.shm
JkLogFile $folder/mod_jk.jklog
JkLogLevel error
JkMount /* tomcats
CONF
    cat >"$folder/workers.properties" <<CONF
worker.list=tomcats
worker.tomcats.type=lb
worker.tomcats.balance_workers=node1,node2
worker.node1.type=ajp13
worker.node1.host=127.0.0.1
worker.node1.port=${ajp[0]}
worker.node1.connection_pool_size=128
worker.node1.max_packet_size=$packet_size
worker.node2.reference=worker.node1
worker.node2.port=${ajp[1]}
CONF
    on "$proxy_cores" mod_jk apache2 -D FOREGROUND -f "$file"
}

start_haproxy() {
    local file=$folder/haproxy.cfg log_to='no log' speaks=
    [[ $2 == off ]] || log_to='log stdout format raw local0'
    [[ $tls == off ]] || speaks="ssl crt $certificate.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2"
    cat >"$file" <<CONF
global
    nbthread $cores
    maxconn 16000
    no strict-limits
defaults
    mode http
    $log_to
    option httplog
    option http-keep-alive
    option forwardfor
    http-reuse always
    timeout connect 1s
    timeout client 75s
    timeout server 60s
    timeout http-keep-alive 75s
frontend front
    bind 127.0.0.1:$1 $speaks
    default_backend tomcats
backend tomcats
    balance roundrobin
    use-server node1 if { req.cook(JSESSIONID) -m end .node1 }
    use-server node2 if { req.cook(JSESSIONID) -m end .node2 }
    server node1 127.0.0.1:${http[0]}
    server node2 127.0.0.1:${http[1]}
CONF
    [[ $2 == off ]] && sed -i '/option httplog/d' "$file"
    on "$proxy_cores" haproxy haproxy -db -f "$file"
}

start_nginx() {
    local file=$folder/nginx.conf log_to=off speaks=
    [[ $2 == off ]] || log_to="$2 combined"
    [[ $tls == off ]] || speaks='ssl http2'
    cat >"$file" <<CONF
daemon off;
user www-data;
worker_processes $cores;
pid $folder/nginx.pid;
error_log $folder/nginx.error error;
events { worker_connections 16384; }
http {
    access_log $log_to;
    client_body_temp_path $folder/nginx-body;
    proxy_temp_path $folder/nginx-proxy;
    fastcgi_temp_path $folder/nginx-fastcgi;
    uwsgi_temp_path $folder/nginx-uwsgi;
    scgi_temp_path $folder/nginx-scgi;
    sendfile $sendfile;
    tcp_nopush $sendfile;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    client_body_buffer_size 128k;
    proxy_max_temp_file_size 0;
    upstream tomcats { server 127.0.0.1:${http[0]}; server 127.0.0.1:${http[1]}; keepalive 128; keepalive_requests 1000000000; }
    upstream node1 { server 127.0.0.1:${http[0]}; keepalive 128; keepalive_requests 1000000000; }
    upstream node2 { server 127.0.0.1:${http[1]}; keepalive 128; keepalive_requests 1000000000; }
    map \$cookie_JSESSIONID \$member {
        default tomcats;
        ~\.node1\$ node1;
        ~\.node2\$ node2;
    }
    server {
        listen 127.0.0.1:$1 $speaks;
        $([[ $tls == off ]] || echo "ssl_certificate $certificate.crt; ssl_certificate_key $certificate.key; ssl_protocols TLSv1.2 TLSv1.3;")
        $([[ $setup != files* ]] || echo "location /static/ { root ${static%/static}; gzip_static on; }")
        location / {
            proxy_pass http://\$member;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host \$http_host;
            proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
        }
    }
}
CONF
    on "$proxy_cores" nginx nginx -c "$file" -e "$folder/nginx.error"
}
