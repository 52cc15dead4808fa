//! Requests and responses of the control plane as frames on a libp2p stream.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response;
use pumasi_protocol::frame;
use pumasi_protocol::limits::CONTROL_BYTES;
use pumasi_protocol::message::{Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The control protocol and its version.
pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new("/pumasi/control/1");

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Codec;

fn invalid(error: frame::FrameError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

async fn read<V: DeserializeOwned, T: AsyncRead + Unpin + Send>(stream: &mut T) -> io::Result<V> {
    let mut prefix = [0; frame::PREFIX];
    stream.read_exact(&mut prefix).await?;
    let length = frame::body_length(prefix, CONTROL_BYTES).map_err(invalid)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    frame::decode_body(&body).map_err(invalid)
}

async fn write<V: Serialize, T: AsyncWrite + Unpin + Send>(
    stream: &mut T,
    value: V,
) -> io::Result<()> {
    let bytes = frame::encode(&value, CONTROL_BYTES).map_err(invalid)?;
    stream.write_all(&bytes).await?;
    stream.flush().await
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Response;

    async fn read_request<T>(&mut self, _: &StreamProtocol, stream: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(stream).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, stream: &mut T) -> io::Result<Response>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(stream).await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        stream: &mut T,
        request: Request,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(stream, request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        stream: &mut T,
        response: Response,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(stream, response).await
    }
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;
    use pumasi_protocol::limits;

    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Request, io::ErrorKind> {
        let mut stream = Cursor::new(bytes);
        futures::executor::block_on(read::<Request, _>(&mut stream)).map_err(|error| error.kind())
    }

    #[test]
    fn cat_p05_control_frames_are_checked_before_they_are_believed() {
        let good = frame::encode(&Request::Advert, CONTROL_BYTES).expect("small");
        assert_eq!(read_bytes(&good), Ok(Request::Advert));
        let invalid = Err(io::ErrorKind::InvalidData);
        let short = Err(io::ErrorKind::UnexpectedEof);
        let too_long = u32::try_from(limits::CONTROL_BYTES + 1).expect("fits").to_le_bytes();
        assert_eq!(read_bytes(&[0; 4]), invalid);
        assert_eq!(read_bytes(&too_long), invalid);
        assert_eq!(read_bytes(&u32::MAX.to_le_bytes()), invalid);
        assert_eq!(read_bytes(&good[..good.len() - 1]), short);
        assert_eq!(read_bytes(&[2, 0, 0, 0, good[4], 0]), invalid);
        assert_eq!(read_bytes(&[1, 0, 0, 0, 200]), invalid);
        assert_eq!(read_bytes(&[]), short);
    }
}
