//! Mutual TLS: an authority that signs a certificate for the service and one for its client, each of which the other
//! demands. Real programs are given the files of their own by `--tls_cert_file` and its kin.

use std::error::Error;
use std::fs;
use std::path::Path;

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::Tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

#[derive(Default)]
struct Greeter;

#[micro::service(name = "greeter")]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, name: Plain<String>) -> micro::Result<Plain<String>> {
        Ok(Plain(format!("Hello {}", name.0)))
    }
}

/// Writes the certificate of an authority, and what it signs for each of `names`.
fn sign(folder: &Path, names: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;
    for name in names {
        let key = KeyPair::generate()?;
        let signed =
            CertificateParams::new(vec![(*name).to_owned()])?.signed_by(&key, &authority)?;
        fs::write(folder.join(format!("{name}.pem")), signed.pem())?;
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    sign(folder.path(), &["greeter", "client"])?;
    let file = |name: &str| folder.path().join(name).display().to_string();
    let member = |name: &str| {
        Tls::with_ca(file("ca.pem"))
            .certificate(file(&format!("{name}.pem")), file(&format!("{name}.key")))
            .client_ca(file("ca.pem"))
    };
    let registry = MemoryRegistry::default();
    let service = |name: &'static str, tls| {
        let builder = micro::Service::builder(name).registry(registry.clone());
        builder.tls(tls).linger(Duration::ZERO)
    };
    let server = service("greeter", member("greeter")).build().await?;
    let running = server.handle(Greeter).start().await?;

    let client = service("client", member("client")).build().await?;
    let greeter = GreeterClient::new(&client);
    println!("{}", greeter.hello(Plain("John".to_owned())).await?.0);

    // It trusts the service, and shows nothing of itself.
    let stranger = service("stranger", Tls::with_ca(file("ca.pem")))
        .build()
        .await?;
    let refused = GreeterClient::new(&stranger).hello(Plain("Eve".to_owned()));
    let error = refused.await.err().ok_or("a stranger was answered")?;
    let (_, why) = error
        .detail()
        .rsplit_once(" answers ")
        .ok_or("refused otherwise")?;
    println!("it answers {why}");

    running.stop().await;
    Ok(())
}
