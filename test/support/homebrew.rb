# As much of Homebrew as a formula needs: chooses the files for one platform, fetches them from a directory, checks their sums, and calls
# the formula's install and test. Usage: ruby homebrew.rb FORMULA SYSTEM CPU DOWNLOADS PREFIX [test]
require "digest"
require "fileutils"
require "open3"
require "tmpdir"

formula, SYSTEM, CPU, DOWNLOADS, prefix, wanted = ARGV
PREFIX = File.expand_path(prefix)

class Place < String
  def /(name) = Place.new(File.join(self, name))

  def install(*what)
    FileUtils.mkdir_p(self)
    what.flatten.each do |item|
      (item.is_a?(Hash) ? item : { item => File.basename(item) }).each { |from, to| FileUtils.mv(from, self / to) }
    end
  end
end

class Download
  def url(value) = @url = value

  def sha256(value) = @sha256 = value

  def stage
    name = File.basename(@url)
    file = File.join(DOWNLOADS, name)
    raise "#{name} has another sum" unless Digest::SHA256.file(file).hexdigest == @sha256

    Dir.mktmpdir do |directory|
      name.end_with?(".tar.gz") ? system("tar", "-xzf", file, "-C", directory, exception: true) : FileUtils.cp(file, directory)
      Dir.chdir(directory) { yield }
    end
  end
end

class Formula
  include FileUtils
  class << self
    attr_reader :main, :resources, :checks, :version_text

    def desc(*) = nil
    alias homepage desc
    alias license desc
    def version(text) = @version_text = text
    def url(value) = (@main ||= Download.new).url(value)
    def sha256(value) = @main.sha256(value)
    def on_macos = (yield if SYSTEM == "darwin")
    def on_linux = (yield if SYSTEM == "linux")
    def on_arm = (yield if CPU == "arm64")
    def on_intel = (yield if CPU == "x64")
    def resource(name, &block) = ((@resources ||= {})[name] = Download.new).instance_eval(&block)
    def test(&block) = @checks = block
  end

  def resource(name) = self.class.resources.fetch(name)
  def version = self.class.version_text
  def bin = Place.new(PREFIX) / "bin"
  def man1 = Place.new(PREFIX) / "share/man/man1"
  def bash_completion = Place.new(PREFIX) / "etc/bash_completion.d"
  def fish_completion = Place.new(PREFIX) / "share/fish/vendor_completions.d"
  def zsh_completion = Place.new(PREFIX) / "share/zsh/site-functions"
  def assert_equal(expected, actual) = (raise "expected #{expected}, got #{actual}" unless expected == actual)
  def assert_match(expected, actual) = (raise "#{expected} is not in: #{actual}" unless actual.match?(expected))

  def shell_output(command)
    output, status = Open3.capture2(command)
    raise "#{command} failed" unless status.success?

    output
  end
end

load File.expand_path(formula)
Tagseal.main.stage { Tagseal.new.install }
Tagseal.new.instance_eval(&Tagseal.checks) if wanted == "test"
