//! A service that fails most calls is not called for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use futures_util::future::join_all;
use micro::prelude::*;
use micro::wrapper::Breaker;
use micro::{Error, RetryAfter, Running, Service};
use tests::System;
use tokio::time::{advance, sleep};

use super::{MS, printed};

const SECOND: Duration = Duration::from_secs(1);

/// A bank that answers what it is told to, and counts its calls.
#[derive(Clone, Default)]
struct Bank {
    code: Arc<AtomicU16>,
    asked: Arc<AtomicU32>,
}

impl Bank {
    async fn start(&self, system: &System, name: &'static str) -> Running {
        let pay = || {
            let bank = self.clone();
            unary(move |_: Context, _: Plain<()>| {
                bank.asked.fetch_add(1, Ordering::Relaxed);
                let code = bank.code.load(Ordering::Relaxed);
                async move {
                    sleep(MS).await;
                    match code {
                        0 => Ok(Plain(())),
                        code => Err(Error::new(code, "bank", "shut")),
                    }
                }
            })
        };
        let service = system.service(name).await;
        let service = service
            .endpoint("Bank.Pay", pay())
            .endpoint("Bank.Save", pay());
        service.start().await.unwrap()
    }

    fn answer(&self, code: u16) {
        self.code.store(code, Ordering::Relaxed);
    }

    /// How often it was asked since this was called last.
    fn asked(&self) -> u32 {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

async fn client(system: &System, breaker: Breaker) -> Service {
    system.service("client").await.wrap_client(breaker)
}

async fn call(
    client: &Service,
    service: &'static str,
    endpoint: &'static str,
) -> micro::Result<()> {
    let call = client.client().call(service, endpoint, &Plain(()));
    call.await.map(|_: Plain<()>| ())
}

async fn pay(client: &Service) -> micro::Result<()> {
    call(client, "bank", "Bank.Pay").await
}

#[tokio::test(start_paused = true)]
async fn a_breaker_may_stay_open_for_ever() {
    let (system, bank) = (System::default(), Bank::default());
    let _bank = bank.start(&system, "bank").await;
    let breaker = Breaker::new().window(Duration::MAX).open_for(Duration::MAX);
    let client = client(&system, breaker).await;
    bank.answer(503);
    for _ in 0..20 {
        pay(&client).await.unwrap_err();
    }
    bank.asked();

    advance(24 * 3600 * SECOND).await;
    pay(&client).await.unwrap_err();

    assert_eq!(bank.asked(), 0);
}

/// A client whose breaker has opened just now.
async fn opened(system: &System, bank: &Bank) -> Service {
    let client = client(system, Breaker::new()).await;
    bank.answer(503);
    for _ in 0..20 {
        pay(&client).await.unwrap_err();
    }
    bank.asked();
    client
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_says_why_since_when_and_when_next() {
    let (system, bank) = (System::default(), Bank::default());
    let _bank = bank.start(&system, "bank").await;
    let client = opened(&system, &bank).await;
    advance(1200 * MS).await;

    let error = pay(&client).await.unwrap_err();

    assert_eq!((error.code(), bank.asked()), (503, 0));
    assert_eq!(error.typed(), Some(RetryAfter(3800 * MS)));
    assert!(error.is_never_reached());
    printed(&error);
}

#[tokio::test(start_paused = true)]
async fn one_probe_that_is_answered_closes_it() {
    let (system, bank) = (System::default(), Bank::default());
    let _bank = bank.start(&system, "bank").await;
    let client = opened(&system, &bank).await;
    bank.answer(0);
    advance(5 * SECOND).await;

    let probing = join_all((0..10).map(|_| pay(&client))).await;
    let probes = bank.asked();
    for _ in 0..10 {
        pay(&client).await.unwrap();
    }

    assert_eq!((probes, bank.asked()), (1, 10));
    printed(probing[1].as_ref().unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_opens_it_again() {
    let (system, bank) = (System::default(), Bank::default());
    let _bank = bank.start(&system, "bank").await;
    let client = opened(&system, &bank).await;

    for _ in 0..3 {
        advance(5 * SECOND).await;
        for _ in 0..10 {
            pay(&client).await.unwrap_err();
        }

        assert_eq!(bank.asked(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_leaves_it_to_the_next_call() {
    let (system, bank) = (System::default(), Bank::default());
    let _bank = bank.start(&system, "bank").await;
    let client = opened(&system, &bank).await;
    bank.answer(0);
    advance(5 * SECOND).await;

    tokio::select! {
        biased;
        _ = pay(&client) => unreachable!(),
        () = tokio::task::yield_now() => {}
    }

    pay(&client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_means_opens_nothing() {
    for code in [400, 404, 409, 429, 500] {
        let (system, bank) = (System::default(), Bank::default());
        let _bank = bank.start(&system, "bank").await;
        let client = client(&system, Breaker::new()).await;
        bank.answer(code);

        for _ in 0..50 {
            assert_eq!(pay(&client).await.unwrap_err().code(), code);
        }

        assert_eq!(bank.asked(), 50, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_service_has_a_breaker_of_its_own() {
    let (system, bank, other) = (System::default(), Bank::default(), Bank::default());
    let _bank = bank.start(&system, "bank").await;
    let _other = other.start(&system, "other").await;
    let client = opened(&system, &bank).await;

    call(&client, "other", "Bank.Pay").await.unwrap();
    let save = call(&client, "bank", "Bank.Save").await;

    assert_eq!((save.unwrap_err().id(), bank.asked()), ("micro.breaker", 0));
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_has_one_if_it_is_to() {
    let (system, bank) = (System::default(), Bank::default());
    let _bank = bank.start(&system, "bank").await;
    let client = client(&system, Breaker::new().minimum(5).per_endpoint()).await;
    bank.answer(503);
    for _ in 0..6 {
        pay(&client).await.unwrap_err();
    }
    bank.answer(0);

    let pay = pay(&client).await.unwrap_err();
    let save = call(&client, "bank", "Bank.Save").await;

    assert!(
        pay.detail()
            .starts_with("Bank.Pay of bank has not been called"),
        "{pay}"
    );
    assert!(save.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_opened_counts_and_is_refused() {
    let system = System::default();
    let asked = Arc::<AtomicU32>::default();
    let counts = Arc::clone(&asked);
    let fail = server_streaming(move |_: Context, _: Plain<()>| {
        counts.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<stream::Empty<micro::Result<Plain<()>>>, _>(
            Error::unavailable("count", "not today"),
        ))
    });
    let service = system.service("count").await;
    let _count = service.endpoint("Count.To", fail).start().await.unwrap();
    let client = client(&system, Breaker::new().minimum(5)).await;
    let client = micro::ServiceClient::named("count", &client);
    let (method, format) = (
        micro::client::Method::new("Count.To"),
        <Plain<()> as micro::Message>::format(),
    );

    for _ in 0..20 {
        let open = client.server_streaming(&method, format, format, Plain(()));
        assert_eq!(open.await.map(drop).unwrap_err().code(), 503);
    }

    assert_eq!(asked.load(Ordering::Relaxed), 5);
}
