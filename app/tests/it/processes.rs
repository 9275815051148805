//! Processes of one role each, over a NATS and a database of their own.

use testkit::{NatsServer, Postgres, Program, ProgramOptions};

use crate::program;

pub struct Processes {
    pub nats: NatsServer,
    pub folder: tempfile::TempDir,
    database: String,
}

impl Processes {
    /// Nothing runs yet; the database is migrated.
    pub fn new() -> Self {
        let (folder, nats, postgres) = (tempfile::tempdir().unwrap(), NatsServer::start(), Postgres::shared());
        let processes = Self { nats, folder, database: postgres.url(&postgres.create_database()) };
        let mut migrate = processes.options("api", "migrate");
        migrate.arguments = vec!["migrate".into()];
        assert_eq!(migrate.run(program()).0, Some(0));
        processes
    }

    /// Of a process with data of its own by that name; a redirector has no database.
    pub fn options(&self, role: &str, name: &str) -> ProgramOptions {
        let options = ProgramOptions::serve(&self.folder.path().join(name)).with("ROLES", role).with("NATS_URL", self.nats.url());
        let options = options.with("SEAL_KEY", "5e".repeat(32));
        match role {
            "redirector" => options.with("SHORT_DOMAIN", "localhost").with("TRUSTED_PROXIES", "127.0.0.1"),
            _ => options.with("DATABASE_URL", &self.database),
        }
    }

    pub async fn start(&self, options: ProgramOptions) -> Program {
        let mut program = Program::start(program(), options);
        program.ready().await;
        program
    }
}
