// Exists so that the headers of all tests can be precompiled with a test's settings.
int main() {}
