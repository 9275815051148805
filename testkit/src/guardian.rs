//! Servers that end with the test process, however that ends: each runs under a small shell that
//! waits on a pipe from the test. The pipe's end is the server's end, and its folder's.

use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Reads words: `stop` and `cont` halt the server and let it go on, `kill` ends it at once and keeps
/// the folder; the end of the pipe ends it properly and removes the folder.
const SCRIPT: &str = r#"
folder=$1; shift
trap '' INT TERM HUP
"$@" </dev/null >>"$folder/log" 2>&1 &
pid=$!
while read -r word; do
    case $word in
    stop) kill -STOP $pid ;;
    cont) kill -CONT $pid ;;
    *) kill -KILL $pid; wait $pid 2>/dev/null; exit 0 ;;
    esac
done
kill -CONT $pid 2>/dev/null
kill -INT $pid 2>/dev/null
n=0; while kill -0 $pid 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
kill -KILL $pid 2>/dev/null
rm -rf "$folder"
"#;

/// A running server. Dropped, it is stopped and its folder removed.
#[derive(Debug)]
pub struct Guardian {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guardian {
    /// Runs a command whose files are in `folder`; its output goes to `log` in there.
    pub fn spawn(folder: &Path, command: &[String]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guardian"])
            .arg(folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        let pipe = shell.stdin.take();
        Self { shell, pipe }
    }

    /// Halts the server with SIGSTOP.
    pub fn halt(&mut self) {
        self.say(b"stop\n");
    }

    /// Lets a halted server go on.
    pub fn go_on(&mut self) {
        self.say(b"cont\n");
    }

    fn say(&mut self, word: &[u8]) {
        if let Some(pipe) = &mut self.pipe {
            let _ = pipe.write_all(word);
        }
    }

    /// Ends the server with SIGKILL and keeps its folder.
    pub fn kill(mut self) {
        self.say(b"kill\n");
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
