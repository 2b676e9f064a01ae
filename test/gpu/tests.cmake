# The kernels' suites against the GPU that is here; where there is no nvcc, against the emulator, so that they are known to
# work. Included by test/cpp; built only when asked for (test/gpu/run.mjs).
set(gpu ${CMAKE_SOURCE_DIR}/test/gpu)
add_executable(ckl_gpu_tests EXCLUDE_FROM_ALL main.cc ${gpu}/targets.cc ${gpu}/small_test.cc ${gpu}/probe_test.cc ${gpu}/probe.cu
  $<TARGET_OBJECTS:ckl_kernel_suites>)
target_include_directories(ckl_gpu_tests SYSTEM PRIVATE ${CKL_DOCTEST_DIR})
if(CKL_HAVE_CUDA)
  set_target_properties(ckl_gpu_tests PROPERTIES CUDA_ARCHITECTURES "${architectures}" CUDA_STANDARD 17)
  target_link_libraries(ckl_gpu_tests PRIVATE ckl_cuda ckl_test_support)
  set_target_properties(ckl_gpu_tests PROPERTIES CUDA_RUNTIME_LIBRARY Static)
else()
  set_source_files_properties(${gpu}/probe.cu PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++")
  target_link_libraries(ckl_gpu_tests PRIVATE ckl_emulated ckl_test_support)
endif()
target_compile_options(ckl_gpu_tests PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wall> $<$<COMPILE_LANGUAGE:CXX>:-Wextra>
  $<$<COMPILE_LANGUAGE:CXX>:-O1>)
