//! Functions of elements. Where ONNX has no operator, or computes something else, they are put
//! together from others.

use super::builder::{Builder, Setting, Value};
use super::proto::{DOUBLE, INT64, type_number};
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{Array, DType};

impl Builder {
    /// A function of each element.
    pub fn unary(&mut self, op: UnaryOp, x: Value) -> Value {
        let name = match op {
            UnaryOp::Neg => "Neg",
            UnaryOp::Abs => "Abs",
            UnaryOp::Sign => "Sign",
            UnaryOp::Exp => "Exp",
            UnaryOp::Log => "Log",
            UnaryOp::Sqrt => "Sqrt",
            UnaryOp::Reciprocal => "Reciprocal",
            UnaryOp::Sin => "Sin",
            UnaryOp::Cos => "Cos",
            UnaryOp::Tanh => "Tanh",
            UnaryOp::Sigmoid => "Sigmoid",
            UnaryOp::Relu => "Relu",
            UnaryOp::Erf => "Erf",
            UnaryOp::Floor => "Floor",
            UnaryOp::Ceil => "Ceil",
            UnaryOp::Round => "Round",
            UnaryOp::Not => "Not",
            UnaryOp::Expm1 => return self.expm1(x),
            UnaryOp::Log1p => return self.log1p(x),
            UnaryOp::Square => return self.node("Mul", &[x, x]),
            UnaryOp::IsFinite => {
                let (size, infinity) = (self.node("Abs", &[x]), self.float(f32::INFINITY));
                return self.node("Less", &[size, infinity]);
            }
            UnaryOp::StopGradient => return x,
        };
        self.node(name, &[x])
    }

    /// `tanh(x/2) · (eˣ + 1)`, which is exact near 0.
    fn expm1(&mut self, x: Value) -> Value {
        let (half, one) = (self.float(0.5), self.float(1.0));
        let half = self.node("Mul", &[x, half]);
        let tanh = self.node("Tanh", &[half]);
        let exp = self.node("Exp", &[x]);
        let sum = self.node("Add", &[exp, one]);
        self.node("Mul", &[tanh, sum])
    }

    /// `ln(u) + (x - (u - 1)) / u` of `u = 1 + x`: the second term is what the rounding of `u` took
    /// away. For large numbers, infinity among them, it does not count.
    fn log1p(&mut self, x: Value) -> Value {
        let [zero, one] = [0.0, 1.0].map(|number| self.float(number));
        let [smallest, large] = [f32::MIN_POSITIVE, 1e8].map(|number| self.float(number));
        let u = self.node("Add", &[x, one]);
        let log = self.node("Log", &[u]);
        let back = self.node("Sub", &[u, one]);
        let lost = self.node("Sub", &[x, back]);
        let divisor = self.node("Max", &[u, smallest]);
        let term = self.node("Div", &[lost, divisor]);
        let counts = self.node("Less", &[u, large]);
        let term = self.node("Where", &[counts, term, zero]);
        self.node("Add", &[log, term])
    }

    /// A function of each pair of elements of a dtype.
    pub fn binary(&mut self, op: BinaryOp, a: Value, b: Value, dtype: DType) -> Value {
        let name = match op {
            BinaryOp::Add => "Add",
            BinaryOp::Sub => "Sub",
            BinaryOp::Mul => "Mul",
            BinaryOp::Div if dtype == DType::F32 => "Div",
            BinaryOp::Div => return self.whole_division(a, b).0,
            BinaryOp::Mod if dtype == DType::F32 => {
                let quotient = self.node("Div", &[a, b]);
                let whole = self.node("Floor", &[quotient]);
                let product = self.node("Mul", &[b, whole]);
                return self.node("Sub", &[a, product]);
            }
            BinaryOp::Mod => return self.whole_division(a, b).1,
            BinaryOp::Pow => "Pow",
            BinaryOp::Max => "Max",
            BinaryOp::Min => "Min",
            BinaryOp::And => "And",
            BinaryOp::Or => "Or",
        };
        self.node(name, &[a, b])
    }

    /// Quotient and rest of `int32`, rounded down, and 0 where the divisor is 0. ONNX rounds towards
    /// 0, and a division by 0 ends the program.
    fn whole_division(&mut self, a: Value, b: Value) -> (Value, Value) {
        let [zero, one] = [0, 1].map(|number| self.constant(Array::scalar(number)));
        let is_zero = self.node("Equal", &[b, zero]);
        let divisor = self.node("Where", &[is_zero, one, b]);
        let exact = [a, divisor].map(|operand| self.convert(operand, DOUBLE));
        let quotient = self.node("Div", &exact);
        let whole = self.node("Floor", &[quotient]);
        let whole = self.convert(whole, INT64);
        let whole = self.convert(whole, type_number(DType::I32));
        let product = self.node("Mul", &[divisor, whole]);
        let rest = self.node("Sub", &[a, product]);
        let mut guarded = |value| self.node("Where", &[is_zero, zero, value]);
        (guarded(whole), guarded(rest))
    }

    /// A comparison of each pair of elements of a dtype.
    pub fn compare(&mut self, op: CompareOp, a: Value, b: Value, dtype: DType) -> Value {
        let [a, b] = [a, b].map(|operand| self.computable(operand, dtype));
        match op {
            CompareOp::Equal => self.node("Equal", &[a, b]),
            CompareOp::NotEqual => {
                let equal = self.node("Equal", &[a, b]);
                self.node("Not", &[equal])
            }
            CompareOp::Less => self.node("Less", &[a, b]),
            CompareOp::LessEqual => self.node("LessOrEqual", &[a, b]),
            CompareOp::Greater => self.node("Greater", &[a, b]),
            CompareOp::GreaterEqual => self.node("GreaterOrEqual", &[a, b]),
        }
    }

    /// `a` where the condition holds, else `b`, both of a dtype.
    pub fn select(&mut self, condition: Value, a: Value, b: Value, dtype: DType) -> Value {
        let [a, b] = [a, b].map(|operand| self.computable(operand, dtype));
        let result = self.node("Where", &[condition, a, b]);
        self.back(result, dtype)
    }

    /// Elements of one dtype as those of another.
    pub fn cast(&mut self, x: Value, from: DType, to: DType) -> Value {
        // What a float beyond 0 to 255 becomes as `uint8` is not said in ONNX; of an `int32` it is.
        let through = from == DType::F32 && to == DType::U8;
        let x = if through { self.convert(x, type_number(DType::I32)) } else { x };
        self.convert(x, type_number(to))
    }

    /// Elements of a dtype as one that all operators are there for.
    pub fn computable(&mut self, x: Value, dtype: DType) -> Value {
        match dtype {
            DType::F32 | DType::I32 => x,
            DType::U8 | DType::Bool => self.convert(x, type_number(DType::I32)),
        }
    }

    /// The way back from [`Builder::computable`].
    pub fn back(&mut self, x: Value, dtype: DType) -> Value {
        match dtype {
            DType::F32 | DType::I32 => x,
            DType::U8 | DType::Bool => self.convert(x, type_number(dtype)),
        }
    }

    /// Elements of the type with this number in ONNX.
    pub fn convert(&mut self, x: Value, to: i64) -> Value {
        self.node_with("Cast", &[x], vec![("to", Setting::Int(to))])
    }

    /// A number.
    pub fn float(&mut self, number: f32) -> Value {
        self.constant(Array::scalar(number))
    }
}
