//! What filters say of time: between which moments the rows lie that pass them.
//!
//! Responsible for: comparisons of `time` with constants, joined by AND. Everything else bounds nothing.
//! Must not know: files. The filter itself is tested after the scan too, so that bounds may be wider.
//! Tested by: the unit tests below.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Operator, TryCast};

/// Microseconds of UTC that the rows lie between which pass all filters: none if there is no bound.
#[must_use]
pub fn bounds(filters: &[Expr]) -> Option<(i64, i64)> {
    let (from, to) = filters.iter().map(of).fold(OPEN, both);
    ((from, to) != OPEN).then_some((from, to))
}

const OPEN: (i64, i64) = (i64::MIN, i64::MAX);

fn both(one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
    (one.0.max(other.0), one.1.min(other.1))
}

fn of(filter: &Expr) -> (i64, i64) {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => both(of(left), of(right)),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (moment(left), moment(right)) {
            (None, Some(at)) if is_time(left) => compared(*op, at),
            (Some(at), None) if is_time(right) => op.swap().map_or(OPEN, |op| compared(op, at)),
            _ => OPEN,
        },
        Expr::Between(Between { expr, negated: false, low, high }) if is_time(expr) => {
            (moment(low).unwrap_or(i64::MIN), moment(high).unwrap_or(i64::MAX))
        }
        _ => OPEN,
    }
}

fn compared(op: Operator, at: i64) -> (i64, i64) {
    match op {
        Operator::Eq => (at, at),
        Operator::Gt | Operator::GtEq => (at, i64::MAX),
        Operator::Lt | Operator::LtEq => (i64::MIN, at),
        _ => OPEN,
    }
}

/// Whether this is the column, maybe in another unit.
fn is_time(expr: &Expr) -> bool {
    match expr {
        Expr::Column(column) => column.name == "time",
        // Not as text: that is not ordered as moments are.
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            matches!(field.data_type(), DataType::Timestamp(..)) && is_time(expr)
        }
        _ => false,
    }
}

/// A constant moment in microseconds, rounded to the wider side by at most one.
fn moment(expr: &Expr) -> Option<i64> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::TimestampSecond(Some(at), _) => at.checked_mul(1_000_000),
        ScalarValue::TimestampMillisecond(Some(at), _) => at.checked_mul(1_000),
        ScalarValue::TimestampMicrosecond(Some(at), _) => Some(*at),
        ScalarValue::TimestampNanosecond(Some(at), _) => Some(at.div_euclid(1_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    fn at(micros: i64) -> Expr {
        lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
    }

    #[test]
    fn only_what_must_hold_bounds() {
        let time = || col("time");
        assert_eq!(bounds(&[time().gt_eq(at(5)), time().lt(at(9))]), Some((5, 9)));
        assert_eq!(bounds(&[time().gt(at(5)).and(time().lt_eq(at(9)))]), Some((5, 9)));
        assert_eq!(bounds(&[at(5).lt(time())]), Some((5, i64::MAX)));
        assert_eq!(bounds(&[time().between(at(2), at(3))]), Some((2, 3)));
        assert_eq!(bounds(&[time().not_between(at(2), at(3))]), None);
        assert_eq!(bounds(&[time().gt(at(5)).or(time().lt_eq(at(2)))]), None);
        assert_eq!(bounds(&[time().not_eq(at(5)), col("len").gt(lit(5))]), None);
        let nanos = lit(ScalarValue::TimestampNanosecond(Some(5_999), None));
        assert_eq!(bounds(&[time().eq(nanos)]), Some((5, 5)));
    }
}
