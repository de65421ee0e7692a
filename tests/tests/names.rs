//! The names that attributes give, as registries and callers see them.

use micro::Running;
use micro::prelude::*;
use micro::registry::{self, Registry};
use tests::System;

struct Ledger;

#[micro::service]
impl Ledger {
    #[micro::handler]
    async fn deposit_cents(&self, _request: ()) -> micro::Result<()> {
        Ok(())
    }

    #[micro::handler]
    async fn r#move(&self, _request: ()) -> micro::Result<()> {
        Ok(())
    }

    #[micro::handler(name = "Audit.Read")]
    async fn read(&self, _request: ()) -> micro::Result<()> {
        Ok(())
    }
}

struct MailBox;

#[micro::service(name = "mail", endpoint = "Post")]
impl MailBox {
    #[micro::handler]
    async fn fetch(&self, _request: ()) -> micro::Result<()> {
        Ok(())
    }
}

#[micro::service]
trait StepCounter {
    #[micro::handler]
    async fn next(&self, request: ()) -> micro::Result<()>;
}

impl StepCounter for Ledger {
    async fn next(&self, _request: ()) -> micro::Result<()> {
        Ok(())
    }
}

/// A server of all three.
async fn serve(system: &System) -> Running {
    let service = system.service("names").await;
    let service = service.handle(Ledger).handle(MailBox);
    let service = service.handle(step_counter::serve(Ledger));
    service.start().await.unwrap()
}

async fn record(system: &System, name: &str) -> registry::Service {
    let mut records = system.registry.get(name).await.unwrap();
    records.pop().unwrap()
}

async fn endpoints(system: &System, name: &str) -> Vec<String> {
    let record = record(system, name).await;
    let names = record.endpoints.into_iter().map(|endpoint| endpoint.name);
    let mut own: Vec<_> = names.filter(|name| !name.starts_with("Debug.")).collect();
    own.sort();
    own
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_the_type_and_the_method_unless_it_is_named() {
    let system = System::default();

    let _running = serve(&system).await;

    let names = endpoints(&system, "ledger").await;
    assert_eq!(names, ["Audit.Read", "Ledger.DepositCents", "Ledger.Move"]);
}

#[tokio::test(start_paused = true)]
async fn endpoints_start_with_what_the_service_says() {
    let system = System::default();

    let _running = serve(&system).await;

    assert_eq!(endpoints(&system, "mail").await, ["Post.Fetch"]);
}

#[tokio::test(start_paused = true)]
async fn the_endpoints_of_a_contract_start_with_the_traits_name() {
    let system = System::default();

    let _running = serve(&system).await;

    let names = endpoints(&system, "step-counter").await;
    assert_eq!(names, ["StepCounter.Next"]);
}

#[tokio::test(start_paused = true)]
async fn services_of_different_names_are_records_of_one_address() {
    let system = System::default();

    let _running = serve(&system).await;

    let (ledger, mail) = (
        record(&system, "ledger").await,
        record(&system, "mail").await,
    );
    assert_eq!(ledger.nodes[0].address, mail.nodes[0].address);
}

#[tokio::test(start_paused = true)]
async fn each_of_the_services_on_one_address_is_called_by_its_client() {
    let system = System::default();
    let _running = serve(&system).await;

    let client = system.service("client").await;

    LedgerClient::new(&client).deposit_cents(()).await.unwrap();
    MailBoxClient::new(&client).fetch(()).await.unwrap();
    StepCounterClient::new(&client).next(()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_finds_a_contract_that_is_served_under_another_name() {
    let system = System::default();
    let read = unary(async |_: Context, _: ()| Ok::<_, micro::Error>(()));
    let other = system.service("other").await.endpoint("Audit.Read", read);
    let _running = other.start().await.unwrap();

    let client = LedgerClient::named("other", &system.service("client").await);

    client.read(()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_handlers_of_one_name_are_refused() {
    let system = System::default();
    let service = system.service("names").await;

    let error = service
        .handle(Ledger)
        .handle(Ledger)
        .start()
        .await
        .unwrap_err();

    assert!(
        error.detail().contains("two handlers of ledger are called"),
        "{error}"
    );
}
