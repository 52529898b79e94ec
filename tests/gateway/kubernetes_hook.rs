//! The hook of a Tomcat in `kubernetes/tomcats.yaml`: run by a shell, it asks gateways whether its pod can be stopped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::support::container::Container;
use crate::support::discovery::{Discovering, containers};
use crate::support::gateway::Running;
use crate::support::kubernetes::ApiServer;
use crate::support::scratch::Scratch;
use crate::support::until;

const BOTH: [&str; 2] = ["web-0 127.0.0.1 +ready", "web-1 127.0.0.2 +ready"];
const ENDING: &str = "web-1 127.0.0.2 -ready +serving +terminating";
const STOPPED: &str = "web-1 127.0.0.2 -ready -serving +terminating";

/// Two gateways that follow the pods `web-0` and `web-1`; the second one has sessions of both.
struct Setup {
    api: ApiServer,
    port: u16,
    gateways: [Discovering; 2],
    _tomcats: Vec<Container>,
    scratch: Scratch,
}

impl Setup {
    async fn start(test: &str, keys: &str) -> Self {
        let (port, tomcats) = containers(&[(1, "web-0"), (2, "web-1")]);
        let api = ApiServer::start().await;
        api.set("a", port, &BOTH);
        let scratch = Scratch::new(test);
        scratch.write("kube.yaml", &api.kubeconfig("", ""));
        let kubeconfig = scratch.path().join("kube.yaml");
        let kubernetes = format!(
            "kubernetes: {{ service: tomcats, port: ajp, kubeconfig: \"{}\" }}",
            kubeconfig.display()
        );
        let gateways =
            ["one", "two"].map(|it| Discovering::start(&format!("{test}-{it}"), keys, &kubernetes));
        for gateway in &gateways {
            until("both pods are known", async || {
                gateway.living().await.len() == 2
            })
            .await;
        }
        for pod in ["web-0", "web-1"] {
            let cookie = format!("Cookie: JSESSIONID=s.{pod}\r\n");
            let answer = gateways[1].gateway.get("/", &cookie).await;
            assert_eq!(answer.text(), pod);
        }
        Self {
            api,
            port,
            gateways,
            _tomcats: tomcats,
            scratch,
        }
    }

    /// The second pod is now so, and both gateways have heard of it.
    async fn pod_is(&self, pod: &str, disabled: bool) {
        self.api.set("a", self.port, &[BOTH[0], pod]);
        for gateway in &self.gateways {
            until("the gateway has heard of it", async || {
                let members = gateway.members().await;
                let status = &members[1]["status"];
                status["drain"] == true && status["disabled"] == disabled
            })
            .await;
        }
    }

    /// Starts the hook of the second pod. `commands` stand before it.
    fn hook(&self, commands: &str) -> Hook {
        let [one, two] = &self.gateways;
        Hook::start(&self.scratch, [&one.gateway, &two.gateway], commands)
    }
}

/// The hook while it runs. Each of its questions for the addresses of the gateways is a line of the file `rounds`.
struct Hook {
    shell: Child,
    rounds: PathBuf,
}

/// The script as the manifest has it, with a short pause and the names of the test.
fn script() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("kubernetes/tomcats.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let (_, hook) = text.split_once("  stop.sh: |\n").unwrap();
    let (hook, _) = hook.split_once("\n---\n").unwrap();
    let hook: Vec<&str> = hook
        .lines()
        .map(|it| it.strip_prefix("    ").unwrap())
        .collect();
    let hook = hook.join("\n");
    assert!(hook.contains("/balancers/shop/"), "{hook}");
    hook.replace("/balancers/shop/", "/balancers/test/")
}

impl Hook {
    fn start(scratch: &Scratch, gateways: [&Running; 2], commands: &str) -> Self {
        let [one, two] = gateways.map(|it| it.admin);
        // Each gateway has an address of its own and the same port in a cluster.
        let around = format!(
            "getent() {{ echo \"$*\" >>rounds; printf '10.0.0.1 STREAM\\n10.0.0.1 DGRAM\\n10.0.0.2 STREAM\\n'; }}
sleep() {{ command sleep 0.02; }}
curl() {{
    command curl --noproxy '*' --connect-to 10.0.0.1:9404:{one} --connect-to 10.0.0.2:9404:{two} \"$@\"
}}
{commands}
"
        );
        let file = scratch.write("stop.sh", &format!("{around}{}", script()));
        let rounds = scratch.path().join("rounds");
        let _ = std::fs::remove_file(&rounds);
        let shell = Command::new("sh")
            .arg(file)
            .current_dir(scratch.path())
            .envs([("POD_NAME", "web-1"), ("ADMIN_TOKEN", "t0ken")])
            .spawn()
            .unwrap();
        Self { shell, rounds }
    }

    /// How often it has asked for the gateways.
    fn rounds(&self) -> usize {
        let rounds = std::fs::read_to_string(&self.rounds).unwrap_or_default();
        assert!(rounds.lines().all(|it| it == "ahosts ajpgate-admin"));
        rounds.lines().count()
    }

    /// Waits until it has asked so often more, and still waits.
    async fn waits(&mut self, more: usize) {
        let before = self.rounds();
        until("the hook asks on", async || {
            let ended = self.shell.try_wait().unwrap();
            assert!(ended.is_none(), "the hook has ended: {ended:?}");
            self.rounds() > before + more
        })
        .await;
    }

    async fn ends(&mut self) {
        let shell = &mut self.shell;
        until("the hook has ended", async || {
            let ended = shell.try_wait().unwrap();
            ended.is_some_and(|how| {
                assert!(how.success(), "{how}");
                true
            })
        })
        .await;
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_waits_while_one_gateway_has_sessions_of_a_pod_that_serves_them() {
    let setup = Setup::start("hook-serves", "").await;
    // Before the gateways have heard of the end, and behind it.
    let mut hook = setup.hook("");
    hook.waits(2).await;
    setup.pod_is(ENDING, false).await;
    hook.waits(5).await;
    // Its Tomcat has failed: nobody waits for it.
    setup.pod_is(STOPPED, true).await;
    hook.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_ends_when_drain_timeout_is_over_on_both_gateways() {
    let setup = Setup::start("hook-timeout", "drain_timeout: 1s").await;
    let mut hook = setup.hook("");
    hook.waits(2).await;
    setup.pod_is(ENDING, true).await;
    hook.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_do_not_end_the_hook_and_gateways_that_are_gone_do() {
    let setup = Setup::start("hook-lost", "").await;
    setup.pod_is(ENDING, false).await;
    // Five or six rounds without an address, then five without an answer, then one with one, and so on.
    let lost = "getent() {
    echo \"$*\" >>rounds
    [ $(($(wc -l <rounds) % 12)) -lt 6 ] || echo '10.0.0.2 STREAM'
}
real() { command curl --noproxy '*' --connect-to 10.0.0.2:9404:\"$two\" \"$@\"; }
curl() { [ $(($(wc -l <rounds) % 12)) -lt 11 ] || real \"$@\"; }
";
    let two = setup.gateways[1].gateway.admin;
    let mut hook = setup.hook(&format!("two={two}\n{lost}"));
    hook.waits(50).await;
    drop(hook);
    // The second gateway cannot be asked any more; the first one says that it can be stopped.
    setup.pod_is(STOPPED, true).await;
    let one = setup.gateways[0].gateway.admin;
    let gone = format!(
        "curl() {{
    case $* in *10.0.0.2*) return 7 ;; esac
    command curl --noproxy '*' --connect-to 10.0.0.1:9404:{one} \"$@\"
}}"
    );
    let mut hook = setup.hook(&gone);
    hook.ends().await;
    assert_eq!(hook.rounds(), 15);
}
