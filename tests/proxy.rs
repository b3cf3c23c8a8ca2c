//! The samples for proxies in `docs/operations` send every documented operation to the role that serves it. The part of
//! them that names operations follows from the contracts: `CARAVAN_UPDATE_DOCS=1` writes it anew.

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use caravan_wire::{Operation, contracts};
use reqwest::{Client, Method, StatusCode};
use support::server::free_port;
use support::tools::tool;
use tempfile::TempDir;

const BEGIN: &str = "# operations: written by `make docs`\n";
const END: &str = "# operations: end\n";

/// How a proxy's sample says things.
struct Sample {
    file: &'static str,
    indent: &'static str,
    /// What stands for the two APIs in its table: commands, queries.
    roles: [&'static str; 2],
    /// What ends a line of it.
    end: &'static str,
}

const NGINX: Sample = Sample { file: "nginx.conf", indent: "    ", roles: ["caravan_write", "caravan_read"], end: ";" };
const CADDY: Sample = Sample { file: "Caddyfile", indent: "\t\t", roles: ["write", "read"], end: "" };

impl Sample {
    fn path(&self) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations").join(self.file)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).expect("the sample is there")
    }

    /// The line that leads an operation's path to its role.
    fn line(&self, operation: &Operation, path: &str) -> String {
        let segments = path.split('/').map(|segment| match segment.strip_prefix('{') {
            Some(_) => "[^/]+".to_owned(),
            None => segment.replace('.', "\\."),
        });
        let method = if operation.method == Method::GET { "(GET|HEAD)" } else { operation.method.as_str() };
        let path = segments.collect::<Vec<_>>().join("/");
        let role = self.roles[usize::from(!operation.command)];
        format!("{}\"~^{method} {path}$\" {role}{}\n", self.indent, self.end)
    }

    /// The sample as the contracts want it.
    fn due(&self) -> String {
        let text = self.text();
        let (before, rest) = text.split_once(BEGIN).expect("the table begins");
        let (_, after) = rest.split_once(END).expect("the table ends");
        let exceptions = operations().filter(|operation| operation.command == (operation.method == Method::GET));
        let lines = exceptions.flat_map(|operation| paths(operation).map(|path| self.line(operation, path)));
        format!("{before}{BEGIN}{}{}{END}{after}", lines.collect::<String>(), self.indent)
    }

    fn is_up_to_date(&self) {
        let due = self.due();
        if std::env::var_os("CARAVAN_UPDATE_DOCS").is_some() {
            std::fs::write(self.path(), &due).expect("the sample can be written");
        }
        assert!(self.text() == due, "docs/operations/{} is not as the contracts want it: run `make docs`", self.file);
    }
}

fn operations() -> impl Iterator<Item = &'static Operation> {
    contracts().iter().flat_map(|contract| &contract.operations)
}

fn paths(operation: &Operation) -> impl Iterator<Item = &str> {
    std::iter::once(operation.path.as_str()).chain(operation.aliases.iter().map(String::as_str))
}

/// Text with something of it replaced that has to be there.
fn replaced(text: &str, what: &str, with: &str) -> String {
    assert!(text.contains(what), "{what} is not in the sample");
    text.replace(what, with)
}

/// A server that answers with who it is and what it was asked.
async fn role(name: &'static str) -> SocketAddr {
    let answer = async move |request: Request| {
        let answer = asked(name, &request);
        // As Caravan does: whoever is not listened to is never told.
        let _ = axum::body::to_bytes(request.into_body(), 16 << 20).await;
        ([("x-role", name)], answer)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

/// What a role was asked, in one line.
fn asked(role: &str, request: &Request) -> String {
    let header = |name: &str| {
        let values = request.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        values.collect::<Vec<_>>().join(", ")
    };
    format!(
        "{role} {} {} for {} at {} trace {}{}",
        request.method(),
        request.uri(),
        header("x-forwarded-for"),
        header("host"),
        header("traceparent"),
        header("tracestate")
    )
}

/// A proxy that runs on a sample.
struct Proxy {
    child: Child,
    url: String,
    dir: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    async fn run(command: &mut Command, port: u16, dir: TempDir) -> Proxy {
        let log = std::fs::File::create(dir.path().join("log")).expect("a log can be made");
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("the proxy can be started");
        let mut proxy = Proxy { child, url: format!("http://127.0.0.1:{port}"), dir };
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = proxy.child.try_wait().expect("it can be asked");
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(20), "{}", proxy.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Every operation comes to its role, path and query as they were sent; what is not for the outside comes nowhere.
    async fn leads_every_operation_to_its_role(&self) {
        let http = Client::new();
        let mut led = 0;
        for operation in operations() {
            let role = if operation.command { "write" } else { "read" };
            let is_get = operation.method == Method::GET;
            let methods = std::iter::once(operation.method.clone()).chain(is_get.then_some(Method::HEAD));
            for (method, path) in methods.flat_map(|method| paths(operation).map(move |path| (method.clone(), path))) {
                let path = format!("{}?a=b%2Fc", path.replace(['{', '}'], ""));
                let request = http.request(method.clone(), format!("{}{path}", self.url));
                let request = request.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
                let request = request.header("tracestate", "a=b");
                let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.log()));
                let came_to = answer.headers().get("x-role").and_then(|role| role.to_str().ok()).map(str::to_owned);
                assert_eq!(came_to.as_deref(), Some(role), "{method} {path}: {}\n{}", answer.status(), self.log());
                if method != Method::HEAD {
                    let host = self.url.trim_start_matches("http://");
                    let expected = format!("{role} {method} {path} for 127.0.0.1 at {host} trace ");
                    assert_eq!(answer.text().await.expect("it has a body"), expected);
                    led += 1;
                }
            }
        }
        assert!(led >= 895, "{led} operations");
        for hidden in ["/metrics", "/health/ready", "/health/live"] {
            let answer = http.get(format!("{}{hidden}", self.url)).send().await.expect("it answers");
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{hidden}");
            assert!(!answer.headers().contains_key("x-role"), "{hidden}");
        }
        // Caravan itself says that this is too large.
        let large = http.post(format!("{}/dev/login", self.url)).body(vec![b' '; 2 << 20]).send().await;
        assert_eq!(large.expect("it answers").status(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_sends_every_operation_to_the_role_that_serves_it() {
    NGINX.is_up_to_date();
    let (write, read, port, dir) = (role("write").await, role("read").await, free_port(), a_directory());
    let mut sample = NGINX.text();
    for (what, with) in [
        ("127.0.0.1:8081", write.to_string()),
        ("127.0.0.1:8082", read.to_string()),
        ("listen 443 ssl http2;", format!("listen 127.0.0.1:{port};")),
        ("listen 80;", format!("listen 127.0.0.1:{};", free_port())),
        ("    ssl_certificate /etc/ssl/trips.example.pem;\n", String::new()),
        ("    ssl_certificate_key /etc/ssl/trips.example.key;\n", String::new()),
        ("server_name trips.example;", "server_name 127.0.0.1;".to_owned()),
        ("/var/log/nginx/caravan.log", dir.path().join("access").display().to_string()),
    ] {
        sample = replaced(&sample, what, &with);
    }
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|of| format!("{of}_temp_path {}/{of};\n", dir.path().display())).concat();
    let rest = format!(
        "daemon off;\nmaster_process off;\npid {}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n",
        dir.path().display()
    );
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, format!("{rest}{temporary}{sample}\n}}\n")).expect("it can be written");
    let access = dir.path().join("access");
    let mut nginx = Command::new(tool("nginx"));
    nginx.arg("-p").arg(dir.path()).args(["-e", "stderr", "-c"]).arg(&file);
    let proxy = Proxy::run(&mut nginx, port, dir).await;
    proxy.leads_every_operation_to_its_role().await;
    let noted = std::fs::read_to_string(access).expect("requests are noted");
    assert!(noted.contains("\"GET /auth-api/currentuser\" 200"), "{noted:.2000}");
    assert!(!noted.contains("a=b"), "a query may hold a token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_sends_every_operation_to_the_role_that_serves_it() {
    CADDY.is_up_to_date();
    let (write, read, port, dir) = (role("write").await, role("read").await, free_port(), a_directory());
    let mut sample = CADDY.text();
    for (what, with) in [
        ("127.0.0.1:8081", write.to_string()),
        ("127.0.0.1:8082", read.to_string()),
        ("trips.example {", format!("http://127.0.0.1:{port} {{")),
    ] {
        sample = replaced(&sample, what, &with);
    }
    let file = dir.path().join("Caddyfile");
    std::fs::write(&file, format!("{{\n\tadmin off\n\tauto_https off\n}}\n{sample}")).expect("it can be written");
    let mut caddy = Command::new(tool("caddy"));
    caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file).env("HOME", dir.path());
    caddy.env("XDG_DATA_HOME", dir.path()).env("XDG_CONFIG_HOME", dir.path());
    Proxy::run(&mut caddy, port, dir).await.leads_every_operation_to_its_role().await;
}

fn a_directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}
