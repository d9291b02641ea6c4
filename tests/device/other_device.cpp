// A device of its own for machines without an accelerator. Its memory is the host's, but a tensor on
// it cannot be combined with one elsewhere, as on CUDA: what forgets to move a tensor fails here too.

#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/extension.h>

using at::Scalar;
using at::Tensor;
using c10::IntArrayRef;
using c10::SymIntArrayRef;
using std::optional;

namespace {

constexpr auto KIND = c10::DeviceType::PrivateUse1;
const c10::DispatchKeySet KEYS(c10::DispatchKey::PrivateUse1);

at::Device here() { return {KIND, 0}; }
at::Stream main_stream() { return at::Stream(at::Stream::DEFAULT, here()); }

// --- memory and guards ---------------------------------------------------------------------------

struct Memory final : at::Allocator {
  at::DataPtr allocate(size_t bytes) override {
    void* data = c10::alloc_cpu(bytes);
    return {data, data, &c10::free_cpu, here()};
  }
  at::DeleterFnPtr raw_deleter() const override { return &c10::free_cpu; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

Memory memory;

struct Guard final : c10::impl::DeviceGuardImplInterface {
  at::DeviceType type() const override { return KIND; }
  at::Device exchangeDevice(at::Device) const override { return here(); }
  at::Device getDevice() const override { return here(); }
  void setDevice(at::Device) const override {}
  void uncheckedSetDevice(at::Device) const noexcept override {}
  at::Stream getStream(at::Device) const override { return main_stream(); }
  at::Stream exchangeStream(at::Stream) const override { return main_stream(); }
  at::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void**, const at::Stream&, const at::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const at::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const at::DeviceIndex) const noexcept override {}
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
  bool isAvailable() const override { return true; }
  bool isBuilt() const override { return true; }
};

Hooks hooks;

// --- tensors and their storage -------------------------------------------------------------------

Tensor empty(SymIntArrayRef size, optional<at::ScalarType> dtype, optional<at::Layout>,
             optional<at::Device>, optional<bool>, optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(C10_AS_INTARRAYREF_SLOW(size), &memory, KEYS,
                                   c10::dtype_or_default(dtype), format);
}

Tensor empty_strided(SymIntArrayRef size, SymIntArrayRef stride, optional<at::ScalarType> dtype,
                     optional<at::Layout>, optional<at::Device>, optional<bool>) {
  return at::detail::empty_strided_generic(C10_AS_INTARRAYREF_SLOW(size),
                                           C10_AS_INTARRAYREF_SLOW(stride), &memory, KEYS,
                                           c10::dtype_or_default(dtype));
}

Tensor& set(Tensor& self, at::Storage storage, int64_t offset, IntArrayRef size, IntArrayRef stride) {
  auto* tensor = self.unsafeGetTensorImpl();
  tensor->set_storage_and_dtype(storage, self.dtype());
  tensor->set_storage_offset(offset);
  tensor->set_sizes_and_strides(size, stride);
  return self;
}

Tensor& set_all(Tensor& self, at::Storage storage) {
  auto count = static_cast<int64_t>(storage.nbytes() / self.element_size());
  return set(self, storage, 0, {count}, {1});
}

Tensor& set_like(Tensor& self, const Tensor& other) {
  return set(self, other.storage(), other.storage_offset(), other.sizes(), other.strides());
}

Tensor& set_none(Tensor& self) {
  at::Storage nothing(at::Storage::use_byte_size_t(), 0, memory.allocate(0), &memory, true);
  return set(self, nothing, 0, {0}, {1});
}

const Tensor& resize(const Tensor& self, SymIntArrayRef size, optional<at::MemoryFormat>) {
  auto sizes = C10_AS_INTARRAYREF_SLOW(size);
  auto bytes = static_cast<size_t>(c10::multiply_integers(sizes) * self.element_size());
  if (self.storage().nbytes() < bytes) {
    self.storage().set_data_ptr(memory.allocate(bytes));
    self.storage().set_nbytes(bytes);
  }
  self.unsafeGetTensorImpl()->set_sizes_contiguous(sizes);
  return self;
}

Tensor view(const Tensor& self, SymIntArrayRef size) {
  return at::native::view(self, C10_AS_INTARRAYREF_SLOW(size));
}

Tensor as_strided(const Tensor& self, SymIntArrayRef size, SymIntArrayRef stride,
                  optional<c10::SymInt> offset) {
  auto start = offset ? optional<int64_t>(offset->expect_int()) : std::nullopt;
  return at::native::as_strided_tensorimpl(self, C10_AS_INTARRAYREF_SLOW(size),
                                           C10_AS_INTARRAYREF_SLOW(stride), start);
}

Tensor reshape_alias(const Tensor& self, SymIntArrayRef size, SymIntArrayRef stride) {
  return at::native::_reshape_alias(self, C10_AS_INTARRAYREF_SLOW(size),
                                    C10_AS_INTARRAYREF_SLOW(stride));
}

// --- copies --------------------------------------------------------------------------------------

// The same memory as the host sees it.
Tensor on_host(const Tensor& tensor) {
  if (tensor.device().type() != KIND) return tensor;
  auto* data = static_cast<char*>(tensor.storage().mutable_data());
  return at::from_blob(data + tensor.storage_offset() * tensor.element_size(), tensor.sizes(),
                       tensor.strides(), at::TensorOptions().dtype(tensor.dtype()));
}

Tensor copy_from(const Tensor& from, const Tensor& to, bool) {
  at::NoGradGuard no_grad;
  on_host(to).copy_(on_host(from));
  return to;
}

Tensor copy_from_and_resize(const Tensor& from, const Tensor& to) {
  if (to.sizes() != from.sizes()) to.resize_(from.sizes());
  return copy_from(from, to, false);
}

Scalar item(const Tensor& tensor) { return on_host(tensor).item(); }

// --- operators -----------------------------------------------------------------------------------

Tensor convolution(const Tensor& x, const Tensor& weight, const optional<Tensor>& bias,
                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
                   IntArrayRef output_padding, int64_t groups) {
  TORCH_CHECK(x.device() == weight.device(), "Expected all tensors to be on the same device");
  auto added = bias && bias->defined() ? optional<Tensor>(on_host(*bias)) : std::nullopt;
  return at::convolution(on_host(x), on_host(weight), added, stride, padding, dilation, transposed,
                         output_padding, groups)
      .to(here());
}

std::tuple<Tensor, Tensor, Tensor> convolution_backward(
    const Tensor& gradient, const Tensor& x, const Tensor& weight, IntArrayRef stride,
    IntArrayRef padding, IntArrayRef dilation, bool transposed, IntArrayRef output_padding,
    int64_t groups, std::array<bool, 3> wanted) {
  TORCH_CHECK(x.device() == weight.device() && x.device() == gradient.device(),
              "Expected all tensors to be on the same device");
  auto [to_x, to_weight, to_bias] = at::convolution_backward(
      on_host(gradient), on_host(x), on_host(weight), IntArrayRef{weight.size(0)}, stride, padding,
      dilation, transposed, output_padding, groups, wanted);
  auto put = [](const Tensor& tensor) { return tensor.defined() ? tensor.to(here()) : tensor; };
  return {put(to_x), put(to_weight), put(to_bias)};
}

// Every other operator runs on the host, if its tensors are on one device. As on CUDA, numbers and
// the indices of an indexing operator may lie on the host.
void on_one_device(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& name = op.schema().name();
  const bool indexes = name.find("index") != std::string::npos;
  optional<at::Device> seen;
  auto look = [&](const Tensor& tensor) {
    if (!tensor.defined()) return;
    auto kind = tensor.scalar_type();
    auto index = indexes && (kind == at::kLong || kind == at::kBool);
    if (tensor.device().is_cpu() && (tensor.dim() == 0 || index)) return;
    TORCH_CHECK(!seen || *seen == tensor.device(),
                "Expected all tensors to be on the same device, but found ", *seen, " and ",
                tensor.device(), " in ", name);
    seen = tensor.device();
  };
  for (const auto& value : torch::jit::last(*stack, op.schema().arguments().size())) {
    if (value.isTensor()) {
      look(value.toTensor());
    } else if (value.isTensorList()) {
      for (const auto& tensor : value.toTensorVector()) look(tensor);
    } else if (value.isOptionalTensorList()) {
      for (const auto& tensor : value.toOptionalTensorVector())
        if (tensor) look(*tensor);
    }
  }
  at::native::cpu_fallback(op, stack);
}

void install() { at::RegisterPrivateUse1HooksInterface(&hooks); }

}  // namespace

REGISTER_ALLOCATOR(KIND, &memory);
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("set_", &set_none);
  library.impl("set_.source_Storage", &set_all);
  library.impl("set_.source_Storage_storage_offset", &set);
  library.impl("set_.source_Tensor", &set_like);
  library.impl("resize_", &resize);
  library.impl("view", &view);
  library.impl("as_strided", &as_strided);
  library.impl("_reshape_alias", &reshape_alias);
  library.impl("unfold", &at::native::unfold);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("_local_scalar_dense", &item);
  library.impl("convolution_overrideable", &convolution);
  library.impl("convolution_backward_overrideable", &convolution_backward);
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&on_one_device>());
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) { module.def("install", &install); }
