//! Files that change while programs run.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use crate::{Fleet, ask};
use micro::transport::Tls;

/// Puts `new` in the place of `old`.
fn replace(old: &(String, String), new: &(String, String)) {
    fs::rename(&new.0, &old.0).unwrap();
    fs::rename(&new.1, &old.1).unwrap();
}

#[tokio::test]
async fn a_server_proves_itself_by_a_certificate_that_came_after_its_start() {
    let fleet = Fleet::new();
    let files = fleet.authority.signs_for(&["greeter"], 2000..2001);
    let server = fleet.caller().certificate(&files.0, &files.1);
    let _greeter = fleet.serve("greeter", server).await;
    let client = fleet.builder("client").tls(fleet.caller());
    let client = client.build().await.unwrap();
    ask(&client, "greeter").await.unwrap_err();

    replace(&files, &fleet.authority.signs(&["greeter"]));

    assert_eq!(ask(&client, "greeter").await.unwrap(), "Hello ann");
}

#[tokio::test]
async fn a_client_trusts_an_authority_that_came_after_its_start() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;
    let other = crate::authority::Authority::new("other");
    let client = fleet.builder("client").tls(Tls::with_ca(other.file()));
    let client = client.build().await.unwrap();
    ask(&client, "greeter").await.unwrap_err();

    fs::copy(fleet.authority.file(), other.path("new.pem")).unwrap();
    fs::rename(other.path("new.pem"), other.file()).unwrap();

    assert_eq!(ask(&client, "greeter").await.unwrap(), "Hello ann");
}

#[tokio::test]
async fn what_was_read_last_stays_in_use_when_a_file_breaks() {
    let fleet = Fleet::new();
    let files = fleet.authority.signs(&["greeter"]);
    let server = fleet.caller().certificate(&files.0, &files.1);
    let _greeter = fleet.serve("greeter", server).await;

    fs::write(&files.0, "nothing of use").unwrap();

    assert_eq!(fleet.ask(fleet.caller()).await.unwrap(), "Hello ann");
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_file_that_breaks_is_named_in_the_log() {
    let fleet = Fleet::new();
    let files = fleet.authority.signs(&["greeter"]);
    let server = fleet.caller().certificate(&files.0, &files.1);
    let _greeter = fleet.serve("greeter", server).await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.with_ansi(false).finish());

    fs::write(&files.0, "nothing of use").unwrap();
    fleet.ask(fleet.caller()).await.unwrap();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let told = format!("{} (--tls_cert_file) holds no certificate", files.0);
    assert!(
        log.contains("the certificates from before stay in use"),
        "{log}"
    );
    assert!(log.contains(&told), "{log}");
}
