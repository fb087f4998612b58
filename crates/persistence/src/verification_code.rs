//! Codes that were sent.

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::Admit};
use resonance_domain::{CodePurpose, VerificationCode, VerificationCodeId};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::{StorageError, executor::Executor, read_rows::known};

/// The table of codes; the digits are not in it.
#[derive(Debug, Clone, Copy)]
pub struct VerificationCodes<'a>(pub(crate) Executor<'a>);

impl VerificationCodes<'_> {
    /// Keeps a code.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(
        self,
        _grant: &SystemGrant<Admit>,
        code: &VerificationCode,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO verification_codes
            (id, purpose, subject_id, address, attempts, consumed_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = [
            code.id.as_uuid().into(),
            code.purpose.as_str().into(),
            code.subject.into(),
            code.address.as_str().into(),
            i32::try_from(code.attempts).unwrap_or(i32::MAX).into(),
            code.consumed_at.into(),
            code.created_at.into(),
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// A code, as it is.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        _grant: &SystemGrant<Admit>,
        id: VerificationCodeId,
    ) -> Result<Option<VerificationCode>, StorageError> {
        self.find("id = $1", [id.as_uuid().into()]).await
    }

    /// A code, locked until the unit of work ends: tries come one after the other.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock(
        self,
        _grant: &SystemGrant<Admit>,
        id: VerificationCodeId,
    ) -> Result<Option<VerificationCode>, StorageError> {
        let clause = format!("id = $1 {}", self.0.on_postgres("FOR UPDATE"));
        self.find(&clause, [id.as_uuid().into()]).await
    }

    /// The newest code about `subject`, locked likewise: earlier ones do not count any more.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock_newest(
        self,
        _grant: &SystemGrant<Admit>,
        purpose: CodePurpose,
        subject: Uuid,
    ) -> Result<Option<VerificationCode>, StorageError> {
        let clause = format!(
            "subject_id = $1 AND purpose = $2 ORDER BY id DESC LIMIT 1 {}",
            self.0.on_postgres("FOR UPDATE")
        );
        self.find(&clause, [subject.into(), purpose.as_str().into()])
            .await
    }

    /// Counts a wrong try.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_wrong(
        self,
        _grant: &SystemGrant<Admit>,
        id: VerificationCodeId,
    ) -> Result<(), StorageError> {
        const COUNT: &str = "UPDATE verification_codes SET attempts = attempts + 1 WHERE id = $1";
        self.0.execute(COUNT, [id.as_uuid().into()]).await?;
        Ok(())
    }

    /// Uses up every code about `subject`, for this purpose.
    ///
    /// # Errors
    /// The database's.
    pub async fn consume(
        self,
        _grant: &SystemGrant<Admit>,
        purpose: CodePurpose,
        subject: Uuid,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const CONSUME: &str = "UPDATE verification_codes SET consumed_at = $3
            WHERE subject_id = $1 AND purpose = $2 AND consumed_at IS NULL";
        let values = [subject.into(), purpose.as_str().into(), now.into()];
        self.0.execute(CONSUME, values).await?;
        Ok(())
    }

    /// Forgets codes that were made before `time`.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_before(
        self,
        _grant: &SystemGrant<Admit>,
        time: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        const FORGET: &str = "DELETE FROM verification_codes WHERE created_at < $1";
        self.0.execute(FORGET, [time.into()]).await
    }

    async fn find(
        self,
        clause: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<VerificationCode>, StorageError> {
        let sql = format!(
            "SELECT id, purpose, subject_id, address, attempts, consumed_at, created_at
             FROM verification_codes WHERE {clause}"
        );
        self.0.one(&sql, values, read).await?.transpose()
    }
}

fn read(row: &QueryResult) -> Result<Result<VerificationCode, StorageError>, DbErr> {
    let purpose: String = row.try_get_by_index(1)?;
    let code = VerificationCode {
        id: VerificationCodeId::from_uuid(row.try_get_by_index(0)?),
        purpose: match known(CodePurpose::from_stored(&purpose), "verification_codes.purpose") {
            Ok(purpose) => purpose,
            Err(error) => return Ok(Err(error)),
        },
        subject: row.try_get_by_index(2)?,
        address: row.try_get_by_index(3)?,
        attempts: row.try_get_by_index::<i32>(4)?.unsigned_abs(),
        consumed_at: row.try_get_by_index(5)?,
        created_at: row.try_get_by_index(6)?,
    };
    Ok(Ok(code))
}
