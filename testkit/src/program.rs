//! The built program `linklogger`, run as an operator would run it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::graphql::GraphQl;
use crate::wait::{free_port, wait_until};

#[derive(Clone, Debug, Default)]
pub struct ProgramOptions {
    /// Arguments after `linklogger`.
    pub arguments: Vec<String>,
    /// Variables without their prefix `LINKLOGGER_`.
    pub settings: BTreeMap<&'static str, String>,
    /// How many files it may have open, where not as many as this process may.
    pub max_files: Option<u32>,
}

impl ProgramOptions {
    /// `serve` on free ports with its data in `folder`.
    pub fn serve(folder: &Path) -> Self {
        let port = || format!("127.0.0.1:{}", free_port());
        let settings =
            [("DATA_DIR", folder.display().to_string()), ("API_LISTEN", port()), ("REDIRECT_LISTEN", port()), ("OPS_LISTEN", port())];
        Self { arguments: vec!["serve".into()], settings: settings.into(), max_files: None }
    }

    #[must_use]
    pub fn with(mut self, setting: &'static str, value: impl Into<String>) -> Self {
        self.settings.insert(setting, value.into());
        self
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = match self.max_files {
            None => Command::new(program),
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]).arg(program);
                shell
            }
        };
        command.args(&self.arguments).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        for (name, value) in &self.settings {
            command.env(format!("LINKLOGGER_{name}"), value);
        }
        command
    }

    /// Runs to the end: exit code, standard output, standard error.
    ///
    /// # Panics
    /// When the program cannot be run.
    pub fn run(&self, program: &Path) -> (Option<i32>, String, String) {
        let output = self.command(program).current_dir(std::env::temp_dir()).output().expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

/// A running process, killed when dropped.
#[derive(Debug)]
pub struct Program {
    options: ProgramOptions,
    program: PathBuf,
    log: PathBuf,
    child: Child,
}

impl Program {
    /// Starts the program; its output goes to a file of its data folder.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn start(program: &Path, options: ProgramOptions) -> Self {
        let folder = PathBuf::from(&options.settings["DATA_DIR"]);
        std::fs::create_dir_all(&folder).expect("a folder");
        let log = folder.join("program.log");
        let child = spawn(program, &options, &log);
        Self { options, program: program.to_owned(), log, child }
    }

    pub fn setting(&self, name: &str) -> &str {
        &self.options.settings[name]
    }

    pub fn api(&self) -> GraphQl {
        GraphQl::new(self.setting("API_LISTEN"))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until `/readyz` answers 200, and returns what it says.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn ready(&mut self) -> serde_json::Value {
        let url = format!("http://{}/readyz", self.setting("OPS_LISTEN"));
        let ready = wait_until(Duration::from_secs(30), "the program is ready or ended", async || {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(Err(status));
            }
            let answer = reqwest::get(&url).await.ok().filter(|answer| answer.status().is_success())?;
            answer.json().await.ok().map(Ok)
        });
        match ready.await {
            Ok(report) => report,
            Err(status) => panic!("the program ended with {status}:\n{}", self.log()),
        }
    }

    /// What `/readyz` says now.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn readyz(&self) -> serde_json::Value {
        let url = format!("http://{}/readyz", self.setting("OPS_LISTEN"));
        reqwest::get(url).await.expect("an answer").json().await.expect("JSON")
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again with the same settings.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.program, &self.options, &self.log);
    }

    /// The number of the first file that it could open: limited to so many it can open none.
    ///
    /// # Panics
    /// When it does not run.
    #[cfg(target_os = "linux")]
    pub fn first_free_file(&self) -> u64 {
        let is_free = |number: &u64| std::fs::symlink_metadata(format!("/proc/{}/fd/{number}", self.child.id())).is_err();
        (0..).find(is_free).expect("a number")
    }

    /// How much memory it has at the moment, in KiB.
    ///
    /// # Panics
    /// When it does not run.
    #[cfg(target_os = "linux")]
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(|rest| rest.trim().strip_suffix(" kB"));
        resident.and_then(|kib| kib.trim().parse().ok()).expect("its resident size")
    }

    /// Lets it have so many files open from now on, those that it has left aside.
    ///
    /// # Panics
    /// When it does not run.
    #[cfg(target_os = "linux")]
    pub fn limit_files(&self, most: u64) {
        use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
        let limit = Rlimit { current: Some(most), maximum: getrlimit(Resource::Nofile).maximum };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).expect("its limit can be set");
    }

    /// Halts it with SIGSTOP.
    pub fn halt(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after [`Program::halt`].
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill runs");
    }

    /// Asks it to stop by SIGTERM, and returns its exit code.
    ///
    /// # Panics
    /// When it does not stop in 10 seconds.
    pub async fn stop(&mut self) -> Option<i32> {
        self.signal("-TERM");
        wait_until(Duration::from_secs(10), "the program stops on SIGTERM", async || self.child.try_wait().ok().flatten()).await.code()
    }

    /// Its exit code, once it has ended by itself.
    ///
    /// # Panics
    /// When it does not within 30 seconds.
    pub async fn ended(&mut self) -> Option<i32> {
        wait_until(Duration::from_secs(30), "the program ends", async || self.child.try_wait().ok().flatten()).await.code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the program's log:\n{}", self.log());
        }
    }
}

fn spawn(program: &Path, options: &ProgramOptions, log: &Path) -> Child {
    let output = std::fs::File::options().create(true).append(true).open(log).expect("a log file");
    let errors = output.try_clone().expect("a log file");
    let mut command = options.command(program);
    command.current_dir(std::env::temp_dir()).stdout(output).stderr(errors).spawn().expect("the program runs")
}
