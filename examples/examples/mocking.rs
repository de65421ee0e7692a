//! Testing code that calls a service, without the service: the client of a contract takes a local implementation.

#[micro::message]
pub struct City {
    pub name: String,
}

#[micro::message]
pub struct Weather {
    pub celsius: i32,
}

#[micro::service(name = "weather")]
pub trait Forecast {
    #[micro::handler]
    async fn today(&self, city: City) -> micro::Result<Weather>;
}

/// The code under test; it does not know where its client leads.
async fn advice(forecast: &ForecastClient, city: &str) -> micro::Result<&'static str> {
    let weather = forecast.today(City { name: city.into() }).await?;
    Ok(if weather.celsius < 10 {
        "take a coat"
    } else {
        "leave the coat"
    })
}

struct AlwaysCold;

impl Forecast for AlwaysCold {
    async fn today(&self, city: City) -> micro::Result<Weather> {
        match &*city.name {
            "" => Err(micro::Error::bad_request("weather", "which city?")),
            _ => Ok(Weather { celsius: -5 }),
        }
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let forecast = ForecastClient::local(AlwaysCold);

    println!("{}", advice(&forecast, "Oslo").await?);
    println!("{}", advice(&forecast, "").await.unwrap_err());
    Ok(())
}
