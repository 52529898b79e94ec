//! The configuration of a Tomcat: the options of a test, and the files that are written from them.

use super::super::port::ReservedPort;
use super::super::scratch::Scratch;
use std::path::Path;

/// The options of a Tomcat.
///
/// The defaults are: no secret, packets of 8192 bytes, no HTTP connector, and the application of `testdata/webapps/app`
/// at `/app`.
#[derive(Debug, Clone)]
pub(crate) struct TomcatOptions {
    pub(super) route: String,
    pub(super) secret: Option<String>,
    pub(super) connector: Vec<(String, String)>,
    pub(super) http_connector: bool,
    pub(super) certificate: Option<(String, String)>,
    pub(super) valves: Vec<String>,
    pub(super) context: Vec<(String, String)>,
    pub(super) paths: Vec<String>,
    pub(super) websocket: bool,
    pub(super) webdav: bool,
}

impl TomcatOptions {
    /// A Tomcat whose jvmRoute is `route`.
    pub(crate) fn new(route: &str) -> Self {
        Self {
            route: route.to_owned(),
            secret: None,
            connector: Vec::new(),
            http_connector: false,
            certificate: None,
            valves: Vec::new(),
            context: Vec::new(),
            paths: vec!["/app".to_owned()],
            websocket: false,
            webdav: false,
        }
    }

    /// Requires this secret in every request.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// Sets the largest AJP packet, 8192 to 65536 bytes.
    pub(crate) fn packet_size(self, bytes: u32) -> Self {
        self.connector("packetSize", &bytes.to_string())
    }

    /// Sets any attribute of the AJP connector, such as `keepAliveTimeout` or `ajpFlush`.
    pub(crate) fn connector(mut self, name: &str, value: &str) -> Self {
        self.connector.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whether an attribute of the AJP connector has this value.
    pub(crate) fn is_set(&self, name: &str, value: &str) -> bool {
        let mut set = self.connector.iter();
        set.any(|(known, has)| (known.as_str(), has.as_str()) == (name, value))
    }

    /// Adds an HTTP connector, by which a test reaches the server without the gateway.
    pub(crate) fn http_connector(mut self) -> Self {
        self.http_connector = true;
        self
    }

    /// Adds an HTTP connector that speaks TLS with this certificate and key (PEM files).
    pub(crate) fn https_connector(mut self, certificate: &str, key: &str) -> Self {
        self.certificate = Some((certificate.to_owned(), key.to_owned()));
        self.http_connector()
    }

    /// Turns WebSockets of the application on; the HTTP connector carries them.
    pub(crate) fn websocket(mut self) -> Self {
        self.websocket = true;
        self.http_connector()
    }

    /// Adds a context `/files` that can be written by WebDAV. Its folder is empty.
    pub(crate) fn webdav(mut self) -> Self {
        self.webdav = true;
        self
    }

    /// Adds an element to the Host, usually a `<Valve …/>`.
    pub(crate) fn valve(mut self, element: &str) -> Self {
        self.valves.push(element.to_owned());
        self
    }

    /// Sets any attribute of the contexts, such as `sessionCookieName`.
    pub(crate) fn context(mut self, name: &str, value: &str) -> Self {
        self.context.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Deploys the application at these context paths instead of `/app`; `/` is the root.
    pub(crate) fn paths(mut self, paths: &[&str]) -> Self {
        self.paths = paths.iter().map(ToString::to_string).collect();
        self
    }
}

/// Writes a private CATALINA_BASE whose contexts all serve the application in `docbase`.
pub(super) fn lay_out(
    options: &TomcatOptions,
    docbase: &Path,
    ajp: &ReservedPort,
    http: Option<&ReservedPort>,
) -> Scratch {
    let base = Scratch::new(&options.route);
    for folder in ["temp", "webapps", "work"] {
        base.folder(folder);
    }
    let mut server = server_xml(options, docbase, ajp, http);
    if options.webdav {
        base.write("files/WEB-INF/web.xml", WEBDAV_XML);
        let context = context(options, "/files", &base.folder("files"));
        server = server.replace("</Host>", &format!("{context}</Host>"));
    }
    base.write("conf/server.xml", &server);
    base.write("conf/web.xml", WEB_XML);
    base.write("conf/tomcat-users.xml", USERS_XML);
    base.write("conf/logging.properties", LOGGING);
    base
}

/// Connectors start in the order of the file: when AJP, the last one, answers, HTTP does too.
fn server_xml(
    options: &TomcatOptions,
    docbase: &Path,
    ajp: &ReservedPort,
    http: Option<&ReservedPort>,
) -> String {
    let http = http.map(|port| http_connector(options, port));
    let http = http.unwrap_or_default();
    let ajp = ajp_connector(options, ajp);
    let route = attribute("jvmRoute", &options.route);
    let valves = options.valves.join("\n");
    let contexts: String = options
        .paths
        .iter()
        .map(|path| context(options, path, docbase))
        .collect();
    format!(
        r#"<Server port="-1">
<Service name="Catalina">
{http}
{ajp}
<Engine name="Catalina" defaultHost="localhost"{route}>
<Realm className="org.apache.catalina.realm.MemoryRealm"/>
<Host name="localhost" appBase="webapps" unpackWARs="false" autoDeploy="false" deployOnStartup="false">
{valves}
{contexts}</Host>
</Engine>
</Service>
</Server>
"#
    )
}

fn http_connector(options: &TomcatOptions, port: &ReservedPort) -> String {
    let address = address(port);
    let Some((certificate, key)) = &options.certificate else {
        return format!(r#"<Connector protocol="HTTP/1.1"{address}/>"#);
    };
    let files = attribute("certificateFile", certificate) + &attribute("certificateKeyFile", key);
    format!(
        r#"<Connector protocol="HTTP/1.1" SSLEnabled="true" scheme="https" secure="true"{address}>
<SSLHostConfig><Certificate{files}/></SSLHostConfig>
</Connector>"#
    )
}

fn ajp_connector(options: &TomcatOptions, port: &ReservedPort) -> String {
    let secret = match &options.secret {
        Some(secret) => attribute("secret", secret),
        None => attribute("secretRequired", "false"),
    };
    let others = attributes(&options.connector);
    format!(
        r#"<Connector protocol="AJP/1.3"{}{secret}{others}/>"#,
        address(port)
    )
}

/// The context of an application, without scanning Tomcat's own jars, which takes a second.
fn context(options: &TomcatOptions, path: &str, docbase: &Path) -> String {
    let path = attribute("path", path.trim_end_matches('/'));
    let docbase = attribute("docBase", &docbase.display().to_string());
    let others = attributes(&options.context);
    let node = attribute("value", &options.route);
    let unwanted = if options.websocket { "jasper" } else { ".*" };
    format!(
        r#"<Context{path}{docbase} containerSciFilter="{unwanted}"{others}>
<Parameter name="node"{node}/>
<JarScanner scanClassPath="false" scanManifest="false"/>
</Context>
"#
    )
}

fn address(port: &ReservedPort) -> String {
    let addr = port.addr();
    attribute("address", &addr.ip().to_string()) + &attribute("port", &addr.port().to_string())
}

fn attributes(pairs: &[(String, String)]) -> String {
    pairs
        .iter()
        .map(|(name, value)| attribute(name, value))
        .collect()
}

fn attribute(name: &str, value: &str) -> String {
    let value = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    format!(" {name}=\"{value}\"")
}

const WEB_XML: &str = r#"<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
<servlet>
  <servlet-name>default</servlet-name>
  <servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class>
</servlet>
<servlet-mapping><servlet-name>default</servlet-name><url-pattern>/</url-pattern></servlet-mapping>
<mime-mapping><extension>css</extension><mime-type>text/css</mime-type></mime-mapping>
<mime-mapping><extension>html</extension><mime-type>text/html</mime-type></mime-mapping>
<welcome-file-list><welcome-file>index.html</welcome-file></welcome-file-list>
</web-app>
"#;

const WEBDAV_XML: &str = r#"<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
<absolute-ordering/>
<servlet>
  <servlet-name>webdav</servlet-name>
  <servlet-class>org.apache.catalina.servlets.WebdavServlet</servlet-class>
  <init-param><param-name>readonly</param-name><param-value>false</param-value></init-param>
</servlet>
<servlet-mapping><servlet-name>webdav</servlet-name><url-pattern>/*</url-pattern></servlet-mapping>
</web-app>
"#;

const USERS_XML: &str = r#"<tomcat-users>
<user username="alice" password="wonderland" roles="tester"/>
</tomcat-users>
"#;

const LOGGING: &str = "handlers = java.util.logging.ConsoleHandler
.level = INFO
java.util.logging.ConsoleHandler.formatter = org.apache.juli.OneLineFormatter
";
