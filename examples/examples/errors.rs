//! Errors: made, typed, matched at the caller, and kept from leaking through `?`.

#[micro::message]
pub struct Account {
    pub name: String,
}

#[micro::message]
pub struct Balance {
    pub cents: i64,
}

#[micro::error]
pub enum BankError {
    #[error(code = 404, detail = "there is no account {name}")]
    NoAccount { name: String },
    #[error(code = 403)]
    Frozen,
}

pub struct Bank;

#[micro::service(name = "errors-bank")]
impl Bank {
    #[micro::handler]
    async fn balance(&self, account: Account) -> Result<Balance, BankError> {
        match &*account.name {
            "ann" => Ok(Balance { cents: 42 }),
            "bob" => Err(BankError::Frozen),
            _ => Err(BankError::NoAccount { name: account.name }),
        }
    }
}

pub struct Shop {
    bank: BankClient,
}

#[micro::service(name = "errors-shop")]
impl Shop {
    /// By a bare `?` the bank's error becomes this service's own 500.
    #[micro::handler]
    async fn pay(&self, account: Account) -> micro::Result<Balance> {
        let balance = self.bank.balance(account).await?;
        Ok(balance)
    }

    /// Forwarded, it reaches the caller as it is.
    #[micro::handler]
    async fn ask(&self, account: Account) -> micro::Result<Balance> {
        self.bank
            .balance(account)
            .await
            .map_err(micro::Error::forward)
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let (bank, shop) = (BankClient::new(&service), ShopClient::new(&service));
    let running = service
        .handle(Bank)
        .handle(Shop { bank: bank.clone() })
        .start()
        .await?;
    let carl = || Account {
        name: "carl".into(),
    };

    let error = bank.balance(carl()).await.unwrap_err();
    println!("{error}");
    if let Some(BankError::NoAccount { name }) = error.typed::<BankError>() {
        println!("typed: no account {name}");
    }
    println!("{}", shop.pay(carl()).await.unwrap_err());
    println!("{}", shop.ask(carl()).await.unwrap_err());

    running.stop().await;
    Ok(())
}
