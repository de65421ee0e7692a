//! Services in modules, in function bodies, and written by another macro.

#![deny(warnings)]

mod inner {
    pub mod deep {
        pub struct Greeter;

        pub mod service {
            #[micro::service(name = "deep")]
            impl super::Greeter {
                #[micro::handler]
                async fn hello(&self, request: u8) -> micro::Result<u8> {
                    Ok(request)
                }
            }
        }
    }
}

macro_rules! service {
    ($name:ident, $service:literal, $method:ident, $ty:ty, $result:ty) => {
        struct $name;

        #[micro::service(name = $service)]
        impl $name {
            #[micro::handler(timeout = "1s")]
            async fn $method(&self, request: $ty) -> $result {
                let this = request;
                Ok(this)
            }
        }
    };
}

service!(Written, "written", hello, u8, micro::Result<u8>);

#[micro::main]
async fn main() -> micro::Result<()> {
    struct Local;

    #[micro::service]
    impl Local {
        #[micro::handler]
        async fn hello(&self, request: u8) -> micro::Result<u8> {
            Ok(request)
        }
    }

    #[micro::service(name = "contract")]
    trait Contract {
        #[micro::handler]
        async fn hello(&self, request: u8) -> micro::Result<u8>;
    }

    impl Contract for Local {
        async fn hello(&self, request: u8) -> micro::Result<u8> {
            Ok(request + 10)
        }
    }

    #[micro::handler(name = "Local.Double")]
    async fn double(request: u8) -> micro::Result<u8> {
        Ok(request * 2)
    }

    #[micro::error]
    enum Failure {
        Failed,
    }

    use inner::deep;
    let deep = deep::service::GreeterClient::local(deep::Greeter);
    assert_eq!(deep.hello(1).await?, 1);
    assert_eq!(WrittenClient::local(Written).hello(1).await?, 1);
    assert_eq!(LocalClient::local(Local).hello(1).await?, 1);
    assert_eq!(ContractClient::local(Local).hello(1).await?, 11);
    assert_eq!(double(2).await?, 4);
    assert_eq!(Failure::Failed.to_string(), "failed");
    Ok(())
}
